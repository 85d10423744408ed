/** JSON that somebody typed or pasted: what is wrong with it, and where. */

const TOKEN = /(?:([{}[\],:])|("(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*")|(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)(?![\w.+-]))/y;
const WANTED = {
  value: "a value", item: "a value or ]", member: 'a name in "" or }', name: 'a name in ""', colon: "a colon",
};

/** @returns {{at: number, words: string}|null} the first fault of a text that is to be a JSON object */
export function fault(text) {
  const open = [];
  const names = [];
  let wanted = "value";
  let at = 0;
  for (;;) {
    at += text.slice(at).match(/^[ \t\r\n]*/)[0].length;
    if (wanted === "next" && !open.length) {
      return at === text.length ? null : { at, words: "text follows the object" };
    }
    const missing = { at, words: `${wanted === "next" ? `a comma or ${open.at(-1)}` : WANTED[wanted]} is missing here` };
    TOKEN.lastIndex = at;
    const [token, sign, string] = TOKEN.exec(text) ?? [];
    if (!token) return missing;
    if (!open.length && sign !== "{") return { at, words: "a resource is an object: it begins with {" };
    const isValue = wanted === "value" || wanted === "item";
    if (wanted === "colon" && sign === ":") wanted = "value";
    else if ((wanted === "name" || wanted === "member") && string) {
      if (names.at(-1).has(string)) return { at, words: `the name ${string} is there twice` };
      names.at(-1).add(string);
      wanted = "colon";
    }
    else if (sign && sign === open.at(-1) && ["next", "item", "member"].includes(wanted)) {
      open.pop();
      names.pop();
      wanted = "next";
    } else if (wanted === "next" && sign === ",") wanted = open.at(-1) === "}" ? "name" : "value";
    else if (isValue && (sign === "{" || sign === "[")) {
      open.push(sign === "{" ? "}" : "]");
      names.push(new Set());
      wanted = sign === "{" ? "member" : "item";
    }
    else if (isValue && !sign) wanted = "next";
    else return missing;
    at += token.length;
  }
}

/** Line and column of a place, as editors count them. */
export function lineOf(text, at) {
  const lines = text.slice(0, at).split("\n");
  return { line: lines.length, column: lines.at(-1).length + 1 };
}
