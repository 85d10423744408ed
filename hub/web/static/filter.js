/** A box that leaves those rows of the page's table whose words hold what is typed. */

const tools = document.querySelector("[data-filter]");
const input = tools.querySelector("input");
const said = tools.querySelector("[role=status]");
const rows = [...document.querySelectorAll("main tbody tr")];
const texts = rows.map((row) => row.textContent.toLowerCase());

function filter() {
  const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
  let left = 0;
  rows.forEach((row, index) => {
    row.hidden = !words.every((word) => texts[index].includes(word));
    if (!row.hidden) left += 1;
  });
  said.textContent = words.length ? `${left} of ${rows.length}` : "";
  history.replaceState(null, "", words.length ? `#${new URLSearchParams({ find: input.value })}` : location.pathname);
}

tools.hidden = false;
input.value = new URLSearchParams(location.hash.slice(1)).get("find") ?? "";
if (input.value) filter();
input.addEventListener("input", filter);
