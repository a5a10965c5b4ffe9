"use strict";
// Choose a photo, scale it down if necessary, send it, show the answer. The only request is POST classify.

const SEND_UP_TO = 4_000_000; // bytes; the API takes 4.5 MB
const SHRINK_TO = 1600; // pixels on the longer side; the model needs 320 on the shorter one
const GIVE_UP_MS = 35_000; // the API times out within 30 s
const KEY = "kennel-api-key"; // in sessionStorage, until the tab is closed

const at = (id) => document.getElementById(id);
// The page's path is /v1 or /v1/, and "classify" must be resolved relative to the second.
const root = new URL(location.pathname.replace(/\/*$/, "/"), location.origin);
const classifyUrl = new URL("classify", root);

let photo = null; // {blob, type}, as sent
let previewUrl = "";
let running = null; // AbortController of the request in flight
let countdown = 0;

// ---------------------------------------------------------------- display

function show(state, spoken) {
  clearInterval(countdown);
  for (const id of ["idle", "busy", "result", "problem"]) at(id).hidden = id !== state;
  at("send").disabled = state === "busy" || !photo;
  at("spoken").textContent = spoken;
}

function percent(share) {
  if (share > 0 && share < 0.01) return "< 1 %";
  if (share > 0.99 && share < 1) return "> 99 %";
  return `${Math.round(share * 100)} %`;
}

function bar({ breed, probability }) {
  const line = document.createElement("li");
  const name = document.createElement("span");
  const share = document.createElement("span");
  const track = document.createElement("span");
  const fill = document.createElement("span");
  name.textContent = breed;
  share.className = "share";
  share.textContent = percent(probability);
  track.className = "track";
  fill.className = "fill";
  fill.style.width = `${probability * 100}%`;
  track.append(fill);
  line.append(name, share, track);
  return line;
}

function showAnswer(answer, elapsed) {
  const [top] = answer.breeds;
  const sure = top.probability >= 0.5;
  at("result").classList.toggle("doubt", !answer.is_dog);
  at("result-kicker").textContent = answer.is_dog ? (sure ? "Most likely" : "Hard to tell; perhaps") : "Not this time";
  at("result-headline").textContent = answer.is_dog ? top.breed : "No dog here";
  at("result-say").textContent = answer.is_dog
    ? sure ? `${percent(top.probability)} sure.` : "No breed stands out. A photo that shows the whole dog often helps."
    : "The photo does not seem to show a dog. If it does, try one where the dog is larger or better lit.";
  at("bars-name").textContent = answer.is_dog ? "The five likeliest" : "What comes nearest, all the same";
  at("bars").replaceChildren(...answer.breeds.map(bar));
  at("meta").textContent = `${answer.model}, ${Math.round(answer.took_ms)} ms in the function, ${elapsed} ms in all`;
  show("result", answer.is_dog ? `${top.breed}, ${percent(top.probability)}` : "No dog here");
  at("result-headline").focus({ preventScroll: true });
  at("result").closest("section").scrollIntoView({ block: "nearest", behavior: calm() ? "auto" : "smooth" });
}

const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

function showProblem({ kicker = "That did not work", headline, say, retry = true, wait = 0 }) {
  at("problem-kicker").textContent = kicker;
  at("problem-headline").textContent = headline;
  at("problem-say").textContent = say;
  at("again").hidden = !retry;
  show("problem", `${headline}. ${say}`);
  at("problem-headline").focus({ preventScroll: true });
  at("problem").closest("section").scrollIntoView({ block: "nearest" });
  waitBeforeRetry(wait);
}

function waitBeforeRetry(seconds) {
  const again = at("again");
  let left = Math.min(Math.ceil(seconds), 120);
  const tick = () => {
    again.disabled = left > 0;
    again.textContent = left > 0 ? `Try again in ${left} s` : "Try again";
    if (left-- <= 0) clearInterval(countdown);
  };
  if (left > 0) countdown = setInterval(tick, 1000);
  tick();
}

// Heading for each status; the API's sentence is shown below it.
const MEANING = {
  400: { headline: "This file cannot be read", retry: false },
  403: { headline: "The API key is not accepted", retry: false, say: "Check the key for missing characters, or ask whoever runs this API for a new one." },
  413: { headline: "The photo is too large", retry: false, say: "Send a smaller one: 320 pixels on the shorter side are enough." },
  415: { headline: "This kind of file is not taken", retry: false, say: "Send the photo as JPEG, PNG or WebP." },
  429: { headline: "Too many photos at once", say: "Your key has a limit on photos a second and a day. Wait a moment and send it again.", wait: 2 },
  503: { headline: "The classifier is busy or not up yet", say: "Wait a moment and send the photo again.", wait: 5 },
  504: { headline: "The classifier took too long", say: "It may be overloaded. Wait a moment and send the photo again.", wait: 5 },
};
const BROKEN = { headline: "Something broke on the other side", say: "It is not your photo's fault, and whoever runs this API can see the cause in its log." };

async function showRefusal(response) {
  const meaning = MEANING[response.status] ?? BROKEN;
  const body = await response.json().catch(() => ({}));
  const own = response.status === 403 || response.status === 429 ? meaning.say : body.detail;
  const wait = Number(response.headers.get("Retry-After")) || meaning.wait;
  showProblem({ kicker: `Status ${response.status}`, ...meaning, say: own || meaning.say || "", wait });
  if (response.status === 403) refuseKey();
}

function refuseKey() {
  at("key").setAttribute("aria-invalid", "true");
  at("key").focus();
}

// ---------------------------------------------------------------- the photo

// By its first bytes, because the name and the browser's guess are often wrong and the API is strict.
async function typeOf(blob) {
  const head = new Uint8Array(await blob.slice(0, 12).arrayBuffer());
  const text = String.fromCharCode(...head);
  if (text.startsWith("\xff\xd8\xff")) return "image/jpeg";
  if (text.startsWith("\x89PNG")) return "image/png";
  if (text.startsWith("RIFF") && text.endsWith("WEBP")) return "image/webp";
  return "";
}

async function asSmallJpeg(blob) {
  const bitmap = await createImageBitmap(blob); // upright, whatever EXIF says
  const scale = Math.min(1, SHRINK_TO / Math.max(bitmap.width, bitmap.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(bitmap.width * scale));
  canvas.height = Math.max(1, Math.round(bitmap.height * scale));
  const pen = canvas.getContext("2d");
  pen.fillStyle = "#fff"; // as the API does with transparency
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.imageSmoothingQuality = "high";
  pen.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  return new Promise((resolve, reject) => {
    canvas.toBlob((made) => (made ? resolve(made) : reject(new Error("no JPEG"))), "image/jpeg", 0.9);
  });
}

async function take(file) {
  if (!file) return;
  running?.abort();
  photo = null;
  show("idle", "");
  const type = await typeOf(file);
  try {
    const small = type && file.size <= SEND_UP_TO;
    photo = small ? { blob: file, type } : { blob: await asSmallJpeg(file), type: "image/jpeg" };
  } catch {
    showProblem({ headline: "This file cannot be read", say: `${file.name || "It"} is no photo that this browser can open. Choose a JPEG, PNG or WebP.`, retry: false });
    return;
  }
  URL.revokeObjectURL(previewUrl);
  previewUrl = URL.createObjectURL(photo.blob);
  at("preview").src = previewUrl;
  at("preview").hidden = at("after").hidden = false;
  at("invite").hidden = true;
  at("drop").classList.add("full");
  const shrunk = photo.blob === file ? "" : ", made smaller to send";
  at("name").textContent = `${file.name || "Pasted photo"} (${(file.size / 1e6).toFixed(1)} MB${shrunk})`;
  at("idle-text").textContent = "Ready when you are.";
  show("idle", "Photo chosen");
  if (at("key").value) await send();
}

// ---------------------------------------------------------------- the request

async function send() {
  const key = at("key").value.trim();
  if (!photo) return;
  if (!key) {
    showProblem({ kicker: "One thing is missing", headline: "Enter your API key", say: "Whoever runs this API hands them out.", retry: false });
    refuseKey();
    return;
  }
  running?.abort();
  const mine = (running = new AbortController());
  const deadline = setTimeout(() => mine.abort("late"), GIVE_UP_MS);
  show("busy", "Looking at the photo");
  const started = performance.now();
  try {
    const response = await fetch(classifyUrl, {
      method: "POST",
      headers: { "Content-Type": photo.type, "x-api-key": key },
      body: photo.blob,
      signal: mine.signal,
    });
    if (response.ok) showAnswer(await response.json(), Math.round(performance.now() - started));
    else await showRefusal(response);
  } catch {
    if (mine.signal.aborted && mine.signal.reason !== "late") return; // another photo took its place
    const late = mine.signal.aborted;
    showProblem({
      headline: late ? "No answer came" : "The API cannot be reached",
      say: late ? "It took longer than half a minute. Send the photo again." : "Check the connection and send the photo again.",
    });
  } finally {
    clearTimeout(deadline);
  }
}

// ---------------------------------------------------------------- the controls

for (const id of ["file", "camera"]) {
  at(id).addEventListener("change", () => {
    take(at(id).files[0]);
    at(id).value = ""; // so that the same file can be chosen again
  });
}
at("preview").addEventListener("click", () => at("file").click());
for (const kind of ["dragenter", "dragover"]) {
  document.addEventListener(kind, (event) => {
    event.preventDefault();
    at("drop").classList.add("over");
  });
}
document.addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) at("drop").classList.remove("over");
});
document.addEventListener("drop", (event) => {
  event.preventDefault();
  at("drop").classList.remove("over");
  take(event.dataTransfer.files[0]);
});
document.addEventListener("paste", (event) => take(event.clipboardData.files[0]));

at("key").value = sessionStorage.getItem(KEY) ?? "";
at("key").addEventListener("input", () => {
  at("key").removeAttribute("aria-invalid");
  sessionStorage.setItem(KEY, at("key").value.trim());
});
at("reveal").addEventListener("click", () => {
  const hidden = at("key").type === "password";
  at("key").type = hidden ? "text" : "password";
  at("reveal").textContent = hidden ? "Hide" : "Show";
  at("reveal").setAttribute("aria-pressed", String(hidden));
});
at("form").addEventListener("submit", (event) => {
  event.preventDefault();
  send();
});
at("again").addEventListener("click", send);
for (const link of document.querySelectorAll("[data-path]")) link.href = new URL(link.dataset.path, root).href;
at("curl").textContent = `curl ${classifyUrl.href} \\\n  -H 'x-api-key: YOUR_KEY' \\\n  -H 'Content-Type: image/jpeg' \\\n  --data-binary @dog.jpg`;
