// Shows a card's loop while the pointer or the keyboard's focus is on it.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  for (const card of document.querySelectorAll(".gallery-card")) {
    const image = card.querySelector("img");
    if (!image) continue; // its data could not be downloaded
    const still = image.src;
    const move = () => { image.src = image.dataset.loop; };
    const stop = () => { image.src = still; };
    card.addEventListener("pointerenter", move);
    card.addEventListener("focus", move);
    card.addEventListener("pointerleave", stop);
    card.addEventListener("blur", stop);
  }
});
