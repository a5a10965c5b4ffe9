// Choose a photo, open it, send it, show the answer. The only request is POST classify.

const GIVE_UP_MS = 35_000; // the API times out within 30 s
const KEY = "kennel-api-key"; // in sessionStorage, until the tab is closed

// The page's path is /v1 or /v1/, and "classify" must be resolved relative to the second.
const root = new URL(location.pathname.replace(/\/*$/, "/"), location.origin);
const classifyUrl = new URL("classify", root);

let photo = null; // what `openPhoto` returns, with the file's name and size
let running = new AbortController(); // of the photo being opened or sent; a newer one replaces it

function begin() {
  running.abort();
  running = new AbortController();
  return running;
}

// ---------------------------------------------------------------- the photo

async function take(file, count = 1) {
  if (!file) return;
  const mine = begin();
  photo = null;
  showBusy("Opening the photo");
  try {
    const opened = await openPhoto(file);
    if (mine !== running) return;
    photo = { ...opened, name: file.name || "Pasted photo", size: file.size, note: count > 1 ? `, the first of ${count}` : "" };
  } catch (error) {
    if (mine !== running) return;
    const say = error instanceof PhotoProblem ? error.message : `${file.name || "It"} cannot be read. If it is a folder, choose a photo in it; if it was moved, choose it again.`;
    showProblem({ headline: "This file cannot be read", say, retry: false });
  }
  showPhoto();
  if (!photo) return;
  at("idle-text").textContent = "Ready when you are.";
  show("idle", "Photo chosen");
  if (at("key").value) await send();
}

function showPhoto() {
  const visible = photo?.visible ?? false;
  URL.revokeObjectURL(at("preview").src);
  if (visible) at("preview").src = URL.createObjectURL(photo.blob);
  at("preview").hidden = !visible;
  at("invite").hidden = visible;
  at("another").hidden = !visible;
  at("drop").classList.toggle("full", visible);
  at("after").hidden = !photo;
  if (photo) at("name").textContent = `${photo.name} (${megabytes(photo.size)}${photo.shrunk ? ", made smaller to send" : ""}${photo.note})`;
  // One label at a time; the first one, hidden, would leave the control without a name.
  if (visible) at("file").setAttribute("aria-labelledby", "another");
  else at("file").removeAttribute("aria-labelledby");
}

const megabytes = (bytes) => (bytes < 50_000 ? `${Math.ceil(bytes / 1000)} kB` : `${(bytes / 1e6).toFixed(1)} MB`);

// ---------------------------------------------------------------- the key

// Without the invisible characters that copying adds: spaces, line ends, zero-width and soft characters.
const readKey = () => at("key").value.replace(/[\s\p{Cc}\p{Cf}\p{Z}\p{Default_Ignorable_Code_Point}]/gu, "");

function problemOfKey(key) {
  if (!key) return { kicker: "One thing is missing", headline: "Enter your API key", say: "Whoever runs this API hands them out." };
  const odd = [...key].find((character) => !/[\x21-\x7e]/.test(character));
  if (!odd) return null;
  const code = odd.codePointAt(0).toString(16).toUpperCase().padStart(4, "0");
  return { headline: "This is no API key", say: `It contains “${odd}” (U+${code}), and keys have only letters, digits and signs of ASCII: copy the key again from where you got it.` };
}

// Reading or writing sessionStorage throws where a browser blocks it, and the page works without.
function storedKey() {
  try {
    return sessionStorage.getItem(KEY) ?? "";
  } catch {
    return "";
  }
}

function storeKey(key) {
  try {
    sessionStorage.setItem(KEY, key);
  } catch {
    // The key stays in its field.
  }
}

// ---------------------------------------------------------------- the request

async function send() {
  if (!photo) return;
  const key = readKey();
  const problem = problemOfKey(key);
  if (problem) {
    showProblem({ ...problem, retry: false });
    refuseKey();
    return;
  }
  const mine = begin();
  showBusy("Looking at the photo");
  const started = performance.now();
  let answer;
  try {
    answer = await post(key, mine);
    if (answer.status === 413 && !photo.shrunk && (await shrinkPhoto(mine))) answer = await post(key, mine);
  } catch {
    if (mine === running) showProblem(mine.signal.aborted ? LATE : navigator.onLine ? UNREACHABLE : OFFLINE);
    return;
  }
  if (mine !== running) return; // a newer photo took its place
  if (answer.status !== 200) showRefusal(answer);
  else if (!answer.body?.breeds?.length) showProblem({ ...BROKEN, say: "It sent an answer that this page cannot read. Whoever runs this API can see the cause." });
  else showAnswer(answer.body, Math.round(performance.now() - started));
}

const LATE = { headline: "No answer came", say: "It took longer than half a minute. Send the photo again." };
const OFFLINE = { headline: "You are offline", say: "This device has no connection. Send the photo again when it has." };
const UNREACHABLE = { headline: "The API cannot be reached", say: "Check the connection and send the photo again." };

async function post(key, mine) {
  const deadline = setTimeout(() => mine.abort(), GIVE_UP_MS);
  try {
    const response = await fetch(classifyUrl, {
      method: "POST",
      headers: { "Content-Type": photo.type, "x-api-key": key },
      body: photo.blob,
      signal: mine.signal,
    });
    const body = await response.json().catch(() => null);
    mine.signal.throwIfAborted();
    return { status: response.status, body, retryAfter: response.headers.get("Retry-After") };
  } finally {
    clearTimeout(deadline);
  }
}

// Make the chosen photo smaller; return whether that worked and it is still the chosen one.
async function shrinkPhoto(mine) {
  const blob = await load(photo.blob).then(asSmallJpeg).catch(() => null);
  if (!blob || mine !== running) return false;
  photo = { ...photo, blob, type: "image/jpeg", shrunk: true };
  showPhoto();
  return true;
}

// ---------------------------------------------------------------- the controls

for (const id of ["file", "camera"]) {
  at(id).addEventListener("change", () => {
    take(at(id).files[0]);
    at(id).value = ""; // so that the same file can be chosen again
  });
}
at("preview").addEventListener("click", () => at("file").click());

// Text goes into the key's field as anywhere else.
const isTextForKey = (event, data) => event.target === at("key") && data.types.includes("text/plain");

for (const kind of ["dragenter", "dragover"]) {
  document.addEventListener(kind, (event) => {
    if (isTextForKey(event, event.dataTransfer)) return;
    event.preventDefault();
    at("drop").classList.add("over");
  });
}
document.addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) at("drop").classList.remove("over");
});
document.addEventListener("drop", (event) => {
  at("drop").classList.remove("over");
  if (isTextForKey(event, event.dataTransfer)) return;
  event.preventDefault();
  const { files } = event.dataTransfer;
  take(files[0], files.length);
  if (!files.length && at("busy").hidden) showProblem({ headline: "No file was dropped", say: "Save the photo to a file first, then drop or choose that file.", retry: false });
});
document.addEventListener("paste", (event) => {
  const { files } = event.clipboardData;
  if (!isTextForKey(event, event.clipboardData)) take(files[0], files.length);
});

at("key").value = storedKey();
at("key").addEventListener("input", () => {
  at("key").removeAttribute("aria-invalid");
  storeKey(readKey());
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
