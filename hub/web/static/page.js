/** What every page does: blocks of code can be copied, "?" tells the keys, "/" leads to the search. */

import { element } from "./element.js";
import { onKey } from "./keys.js";

/** A button that copies what `text()` returns. */
export function copyButton(text, name = "Copy") {
  const button = element("button.copy", { type: "button" }, name);
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text());
      button.textContent = "Copied";
    } catch {
      button.textContent = "Press Ctrl+C";
      getSelection().selectAllChildren(button.parentElement.querySelector("code") ?? button.parentElement);
    }
  });
  return button;
}

for (const block of document.querySelectorAll("pre")) {
  const text = block.textContent;
  block.append(copyButton(() => text));
}

onKey("/", "search", () => document.querySelector("input[type=search]")?.focus());
