// While a picture loads, the one before it stays in its place. Vega draws nothing until then, so
// pictures that change with the epoch would flicker as a chart plays. Bundled with Vega as `library`.
{
  const { image } = library.Marks, { draw } = image;
  image.draw = function (context, scene, ...others) {
    for (const item of scene.items) {
      const { url, image: before } = item;
      if (!url || !before || before.url === url) continue;
      before.url = url; // Otherwise Vega would take it away.
      this.loadImage(url).then((loaded) => {
        loaded.url = url;
        // Meanwhile, the item may show another picture.
        if (item.url === url) item.image = loaded;
      });
    }
    draw.call(this, context, scene, ...others);
  };
}
