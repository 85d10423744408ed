/**
 * What is pressed stays as it is until it is released: a browser makes no click of a press whose
 * element is drawn anew in between, and what moves meanwhile would be clicked instead of another.
 */

let isPressed = false;
let waiting = new Set();

function release() {
  isPressed = false;
  if (!waiting.size) return;
  const due = waiting;
  waiting = new Set();
  setTimeout(() => due.forEach((draw) => draw())); // the click comes first
}

addEventListener("pointerdown", ({ button, isPrimary }) => (isPressed ||= isPrimary && button === 0), true);
for (const over of ["pointerup", "pointercancel", "contextmenu"]) addEventListener(over, release, true);
addEventListener("blur", release); // of the window
// Who selects text clicks nothing, and may scroll.
document.addEventListener("selectionchange", () => getSelection().isCollapsed || release());

/** Draws now, or as soon as nothing is pressed; the same function once only. */
export function whenReleased(draw) {
  if (isPressed) waiting.add(draw);
  else draw();
}
