/** Asks before something is done, says what will happen, and tells how it went. */

import { element, fill } from "./element.js";
import { tell } from "./status.js";

/**
 * Opens a dialog. `run` does it: it returns what to tell, or elements to show in the dialog; what the
 * hub refuses is shown and can be mended and tried again. What is grave is not done by Enter alone.
 */
export function decide({ title, inside, verb, run, isGrave = false }) {
  const said = element("div", { role: "status" });
  const doing = verb && element("button", { type: "submit" }, verb);
  const leave = element("button.plain", { type: "button", autofocus: isGrave }, verb ? "Cancel" : "Close");
  const form = element("form", {}, inside, said, element("div.actions", {}, doing, leave));
  const dialog = element("dialog", { "aria-label": title }, element("h2", {}, title), form);
  leave.addEventListener("click", () => dialog.close());
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (!doing) return dialog.close();
    if (form.ariaBusy === "true") return;
    form.ariaBusy = "true";
    fill(said, element("p.soft", {}, "Asking the hub …"));
    try {
      const came = await run(form);
      if (came instanceof Node) {
        fill(said, came);
        leave.textContent = "Close";
      } else {
        dialog.close();
        if (came) tell(came);
      }
    } catch (error) {
      fill(said, element("p.note.ill", {}, `✗ ${error.message}`));
    }
    form.ariaBusy = "false";
  });
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}
