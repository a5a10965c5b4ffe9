// Choose photos, open them, send each, show the answers.

function take(files) {
  if (!files.length) return;
  for (const photo of addPhotos(files)) inTurn(() => openAndSend(photo));
}

async function openAndSend(photo) {
  try {
    const opened = await openPhoto(photo.file);
    change(photo, { ...opened, file: null, state: "ready" });
  } catch (error) {
    const say = error instanceof PhotoProblem ? error.message : `${photo.name} cannot be read. If it is a folder, choose a photo in it; if it was moved, choose it again.`;
    change(photo, { file: null, state: "refused", problem: { headline: "This file cannot be read", say } });
    return;
  }
  if (!at("key").value) return;
  // What is wrong with the key is said once, for the photo that is shown.
  if (photo === chosen ? usableKey() : !problemOfKey(readKey())) await sendPhoto(photo, readKey());
}

// Return whether there is a key; say what is wrong with it, if not.
function usableKey() {
  const problem = problemOfKey(readKey());
  if (problem) {
    showProblem(problem);
    refuseKey();
  }
  return !problem;
}

async function sendPhoto(photo, key) {
  change(photo, { state: "sending", problem: null });
  const started = performance.now();
  const explained = explaining();
  let answer;
  try {
    answer = await postPatiently(photo, key, explained);
    if (answer.status === 413 && !photo.shrunk && (await shrinkPhoto(photo))) answer = await postPatiently(photo, key, explained);
  } catch (error) {
    change(photo, { state: "refused", problem: silence(error) });
    return;
  }
  const { status, body, id } = answer;
  if (status !== 200) change(photo, { state: "refused", problem: refusal(answer) });
  else if (!isAnswer(body)) change(photo, { state: "refused", problem: unreadable(id) });
  else change(photo, { state: "answered", answer: body, heat: explained ? heatOf(body) : null, elapsed: Math.round(performance.now() - started) });
}

async function shrinkPhoto(photo) {
  const blob = await load(photo.blob).then(asSmallJpeg).catch(() => null);
  if (blob) change(photo, { blob, type: "image/jpeg", shrunk: true });
  return blob !== null;
}

// ---------------------------------------------------------------- sending by hand

// All that have no answer and may get one; else the one that is shown, again.
function sendable() {
  const open = photos.filter(({ state, problem }) => state === "ready" || (state === "refused" && (problem.retry || problem.ofKey)));
  return open.length ? open : photos.filter((photo) => photo === chosen && photo.blob && !isBusy(photo));
}

function showSend() {
  const some = sendable();
  at("send").disabled = !some.length;
  at("send").textContent = some.length > 1 ? `Name the breed in ${some.length} photos` : "Name the breed";
}

function send() {
  const some = sendable();
  if (!some.length || !usableKey()) return;
  const key = readKey();
  for (const photo of some) {
    change(photo, { state: "waiting", problem: null });
    inTurn(() => sendPhoto(photo, key));
  }
}

// ---------------------------------------------------------------- the controls

for (const id of ["file", "camera"]) {
  at(id).addEventListener("change", () => {
    take(at(id).files);
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
  take(files);
  if (!files.length && at("busy").hidden) showProblem({ headline: "No file was dropped", say: "Save the photo to a file first, then drop or choose that file." });
});
document.addEventListener("paste", (event) => {
  if (!isTextForKey(event, event.clipboardData)) take(event.clipboardData.files);
});

at("form").addEventListener("submit", (event) => {
  event.preventDefault();
  send();
});
at("again").addEventListener("click", send);
for (const link of document.querySelectorAll("[data-path]")) link.href = new URL(link.dataset.path, root).href;
at("curl").textContent = `curl ${classifyUrl.href} \\\n  -H 'x-api-key: YOUR_KEY' \\\n  -H 'Content-Type: image/jpeg' \\\n  --data-binary @dog.jpg`;
