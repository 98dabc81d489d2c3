/** A view as a picture: what stands on the page, in an SVG file or as PNG. */

import { element } from "../views/common.js";
import { download } from "./download.js";

const SCALE = 2; // dots of the PNG for each of the page's

/** Two buttons that save the view in a box. */
export function pictureButtons(box, name) {
  const button = (label, make) => {
    const click = async () => {
      const svg = svgOf(box.querySelector("section.llmlab"));
      download(`${name}.${label.toLowerCase()}`, ...(await make(svg)));
    };
    return element("button", { type: "button", click, "aria-label": `Save as ${label}` }, label);
  };
  const asSvg = ({ text }) => [text, "image/svg+xml"];
  const asPng = async (svg) => [await pngOf(svg), "image/png"];
  return element("p", { class: "llmlab llmlab-save" }, button("SVG", asSvg), button("PNG", asPng));
}

/** The element with its style, as a foreign object in an SVG: what the browser itself draws. */
function svgOf(node) {
  const { width, height } = node.getBoundingClientRect();
  const copy = node.cloneNode(true);
  // A copied canvas is empty, and a copied field has forgotten what it held.
  const canvases = [...node.querySelectorAll("canvas")];
  copy.querySelectorAll("canvas").forEach((canvas, i) => {
    const image = element("img", { src: canvases[i].toDataURL(), alt: "" });
    image.style.cssText = canvas.style.cssText;
    image.width = canvases[i].clientWidth;
    canvas.replaceWith(image);
  });
  const style = element("style", {}, node.parentNode.querySelector("style")?.textContent ?? "");
  const page = element("div", {}, style, copy);
  page.setAttribute("xmlns", "http://www.w3.org/1999/xhtml");
  const content = new XMLSerializer().serializeToString(page);
  const [w, h] = [width, height].map(Math.ceil);
  const text =
    `<svg xmlns="http://www.w3.org/2000/svg" width="${w}" height="${h}">` +
    `<foreignObject width="100%" height="100%">${content}</foreignObject></svg>`;
  return { text, width: w, height: h };
}

/** The SVG drawn on a canvas. From a data address: a blob's would close the canvas for reading. */
async function pngOf({ text, width, height }) {
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
  await image.decode();
  const canvas = element("canvas", { width: width * SCALE, height: height * SCALE });
  const context = canvas.getContext("2d");
  context.scale(SCALE, SCALE);
  context.drawImage(image, 0, 0);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
}
