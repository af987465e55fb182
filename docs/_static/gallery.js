// Cards move while they are in view; for readers who prefer less motion, while the pointer or the
// keyboard's focus is on them.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const card = (image) => image.closest(".gallery-card");
  const images = document.querySelectorAll(".gallery-card img");
  for (const image of images) image.dataset.still = image.src;
  const move = (image) => { image.src = image.dataset.loop; };
  const stop = (image) => { image.src = image.dataset.still; };
  if (calm) {
    for (const image of images) {
      for (const begins of ["pointerenter", "focus"]) card(image).addEventListener(begins, () => move(image));
      for (const ends of ["pointerleave", "blur"]) card(image).addEventListener(ends, () => stop(image));
    }
    return;
  }
  const seen = new IntersectionObserver((entries) => {
    for (const {target, isIntersecting} of entries) (isIntersecting ? move : stop)(target);
  }, {threshold: 0.5});
  for (const image of images) seen.observe(image);
});
