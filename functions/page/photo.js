// Open a file as a photo, and make it smaller where the API would refuse it.

const MAX_BYTES = 4_500_000; // what the API takes
const MAX_PIXELS = 50_000_000; // what the API takes of any kind of photo
const THUMB = 112; // pixels a side, twice what the list shows
const SHRINK_TO = 1600; // pixels on the longer side; the model needs 320 on the shorter one

// By the first bytes, since names and a browser's guess are often wrong. The API takes those with a media type.
const KINDS = [
  { magic: /^\xff\xd8\xff/, name: "JPEG", type: "image/jpeg" },
  { magic: /^\x89PNG/, name: "PNG", type: "image/png" },
  { magic: /^RIFF.{4}WEBP/s, name: "WebP", type: "image/webp" },
  { magic: /^.{4}ftyp.*avi[fs]/s, name: "AVIF" },
  { magic: /^.{4}ftyp.*(he[iv][cmsx]|mi[fa][1f]|msf1)/s, name: "HEIC" },
  { magic: /^(\xff\x0a|.{4}JXL )/s, name: "JPEG XL" },
  { magic: /^(II\*\0|MM\0\*)/, name: "TIFF" },
  { magic: /^GIF8/, name: "GIF" },
  { magic: /^BM/, name: "BMP" },
];

class PhotoProblem extends Error {} // its message is for the person

async function kindOf(file) {
  const head = new Uint8Array(await file.slice(0, 64).arrayBuffer());
  const text = String.fromCharCode(...head);
  return KINDS.find(({ magic }) => magic.test(text)) ?? {};
}

// Return {blob, type, shrunk, visible, thumb}: what to send, and whether this browser can show it.
async function openPhoto(file) {
  const name = file.name || "The photo";
  if (file.size === 0) throw new PhotoProblem(`${name} is empty: it has 0 bytes. Choose another photo.`);
  const kind = await kindOf(file);
  const image = await load(file).catch(() => null);
  const small = file.size <= MAX_BYTES && (!image || image.naturalWidth * image.naturalHeight <= MAX_PIXELS);
  if (kind.type && small) return asItIs(file, kind, image);
  if (!image) {
    if (kind.type) throw new PhotoProblem(`${name} is broken, or too large for this browser: it begins as ${kind.name} and cannot be opened. Save it again, smaller.`);
    if (kind.name) throw new PhotoProblem(`${name} is in the format ${kind.name}, which this browser cannot open. Save or export it as JPEG, and choose that file.`);
    throw new PhotoProblem(`${name} is no photo that this browser can open. Choose a JPEG, PNG or WebP.`);
  }
  try {
    return { blob: await asSmallJpeg(image), type: "image/jpeg", shrunk: true, visible: true, thumb: thumbOf(image) };
  } catch {
    if (kind.type && file.size <= MAX_BYTES) return asItIs(file, kind, image); // the API decides
    throw new PhotoProblem(`This browser cannot make ${name} a smaller JPEG. Do that elsewhere (320 pixels on its shorter side are enough), and choose it again.`);
  }
}

// Its bytes are read now: a file that is changed or moved later could not be sent.
async function asItIs(file, { type }, image) {
  const blob = new Blob([await file.arrayBuffer()], { type });
  await image?.decode().catch(() => null); // before it is drawn, which else would stop the page for that time
  return { blob, type, shrunk: false, visible: image !== null, thumb: image && thumbOf(image) };
}

async function load(blob) {
  const url = URL.createObjectURL(blob);
  try {
    const image = new Image();
    await new Promise((resolve, reject) => {
      image.onload = resolve;
      image.onerror = reject;
      image.src = url;
    });
    if (!image.naturalWidth || !image.naturalHeight) throw new Error("no size"); // some SVG
    return image;
  } finally {
    URL.revokeObjectURL(url);
  }
}

// An <img> is drawn upright, whatever EXIF says, and its width and height are those of the upright photo.
async function asSmallJpeg(image) {
  await image.decode(); // otherwise a photo that cannot be decoded would be drawn as nothing
  const scale = Math.min(1, SHRINK_TO / Math.max(image.naturalWidth, image.naturalHeight));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(image.naturalWidth * scale));
  canvas.height = Math.max(1, Math.round(image.naturalHeight * scale));
  const pen = canvas.getContext("2d");
  pen.fillStyle = "#fff"; // as the API does with transparency
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.imageSmoothingQuality = "high";
  pen.drawImage(image, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve, reject) => {
    canvas.toBlob((made) => (made ? resolve(made) : reject(new Error("no JPEG"))), "image/jpeg", 0.9);
  });
}

// Draw the middle of a photo as a small square. A canvas that is shown need not be read, which some browsers forbid.
function thumbOf(image) {
  const canvas = make("canvas", "thumb");
  canvas.width = canvas.height = THUMB;
  const side = Math.min(image.naturalWidth, image.naturalHeight);
  const [left, top] = [(image.naturalWidth - side) / 2, (image.naturalHeight - side) / 2];
  canvas.getContext("2d").drawImage(image, left, top, side, side, 0, 0, THUMB, THUMB);
  return canvas;
}
