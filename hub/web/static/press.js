/**
 * What is pressed stays as it is until it is released: a browser makes no click of a press whose
 * element is drawn anew in between, and what moves meanwhile would be clicked instead of another.
 */

let isPressed = false;
let waiting = [];

function release() {
  isPressed = false;
  const due = waiting;
  waiting = [];
  if (due.length) setTimeout(() => due.forEach(whenReleased)); // the click comes first
}

addEventListener("pointerdown", ({ button, isPrimary }) => (isPressed ||= isPrimary && button === 0), true);
for (const over of ["pointerup", "pointercancel", "contextmenu"]) addEventListener(over, release, true);
addEventListener("blur", release); // of the window
// Who selects text clicks nothing, and may scroll.
document.addEventListener("selectionchange", () => getSelection().isCollapsed || release());

/** Draws now, or as soon as nothing is pressed. */
export function whenReleased(draw) {
  if (isPressed) waiting.push(draw);
  else draw();
}
