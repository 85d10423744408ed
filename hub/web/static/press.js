/**
 * What is pressed stays as it is until it is released: a browser makes no click of a press whose
 * element is drawn anew in between, and what moves meanwhile would be clicked instead of another.
 */

let isPressed = false;
const waiting = [];

function press({ button, isPrimary, target }) {
  // The list that a select opens may keep the release to itself.
  if (isPrimary && button === 0 && !target.closest?.("select")) isPressed = true;
}

function release() {
  isPressed = false;
  for (const draw of waiting.splice(0)) setTimeout(() => whenReleased(draw)); // the click comes first
}

addEventListener("pointerdown", press, true);
// Who was not told of a release sees by the next move that there was one.
addEventListener("pointermove", ({ buttons }) => isPressed && !buttons && release(), true);
for (const over of ["pointerup", "pointercancel", "contextmenu"]) addEventListener(over, release, true);
addEventListener("blur", release); // of the window
// Who selects text clicks nothing, and may scroll.
document.addEventListener("selectionchange", () => getSelection().isCollapsed || release());

/** Draws now, or as soon as nothing is pressed. */
export function whenReleased(draw) {
  if (isPressed) waiting.push(draw);
  else draw();
}
