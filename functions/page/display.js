"use strict";
// What the page shows: one of four states beside the photo. Everything of the API's is set as text, never as HTML.

const at = (id) => document.getElementById(id);
let countdown = 0; // timer of the button "Try again"

function show(state, spoken) {
  clearInterval(countdown);
  for (const id of ["idle", "busy", "result", "problem"]) at(id).hidden = id !== state;
  at("send").disabled = state === "busy" || !photo;
  at("spoken").textContent = spoken;
}

function showBusy(headline) {
  at("busy-headline").textContent = headline;
  show("busy", headline);
}

// ---------------------------------------------------------------- an answer

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

function likeliest(count) {
  if (count === 1) return "The likeliest";
  return `The ${{ 2: "two", 3: "three", 4: "four", 5: "five" }[count] ?? count} likeliest`;
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
  at("bars-name").textContent = answer.is_dog ? likeliest(answer.breeds.length) : "What comes nearest, all the same";
  at("bars").replaceChildren(...answer.breeds.map(bar));
  at("meta").textContent = `${answer.model}, ${Math.round(answer.took_ms)} ms in the function, ${elapsed} ms in all`;
  show("result", answer.is_dog ? `${top.breed}, ${percent(top.probability)}` : "No dog here");
  at("result-headline").focus({ preventScroll: true });
  at("result").closest("section").scrollIntoView({ block: "nearest", behavior: calm() ? "auto" : "smooth" });
}

const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

// ---------------------------------------------------------------- a problem

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
  const end = Date.now() + seconds * 1000; // a clock, since timers of a tab in the background are late
  const tick = () => {
    const left = Math.ceil((end - Date.now()) / 1000);
    again.disabled = left > 0;
    again.textContent = left > 0 ? `Try again in ${duration(left)}` : "Try again";
    if (left <= 0) clearInterval(countdown);
  };
  if (seconds > 0) countdown = setInterval(tick, 1000);
  tick();
}

function duration(seconds) {
  if (seconds <= 120) return `${seconds} s`;
  return seconds <= 7200 ? `${Math.ceil(seconds / 60)} min` : `${Math.ceil(seconds / 3600)} h`;
}

// Heading for each status; the API's sentence is shown below it, and `say` if it has none.
const MEANING = {
  400: { headline: "This file cannot be read", retry: false },
  403: { headline: "The API key is not accepted", retry: false, say: "Check the key for missing characters, or ask whoever runs this API for a new one." },
  413: { headline: "The photo is too large", retry: false, say: "Send a smaller one: 320 pixels on the shorter side are enough." },
  415: { headline: "This kind of file is not taken", retry: false, say: "Send the photo as JPEG, PNG or WebP." },
  429: { headline: "A limit of your key is reached", say: "Your key has a limit on photos a second and a day. Wait a moment and send it again.", wait: 2 },
  503: { headline: "The classifier is busy or not up yet", say: "Wait a moment and send the photo again.", wait: 5 },
  504: { headline: "The classifier took too long", say: "It may be overloaded. Wait a moment and send the photo again.", wait: 5 },
};
const REFUSED = { headline: "The API refused this request", say: "Whoever runs this API can see the cause.", retry: false };
const BROKEN = { headline: "Something broke on the other side", say: "It is not your photo's fault, and whoever runs this API can see the cause in its log." };

// `retryAfter` is the header: seconds, a date, or null.
function showRefusal({ status, body, retryAfter }) {
  const meaning = MEANING[status] ?? (status >= 400 && status < 500 ? REFUSED : BROKEN);
  // A 403's sentence is for programs: it speaks of the header.
  const own = status !== 403 && typeof body?.detail === "string" ? body.detail : "";
  const wait = Number(retryAfter) || (Date.parse(retryAfter) - Date.now()) / 1000 || meaning.wait;
  showProblem({ kicker: `Status ${status}`, ...meaning, say: own || meaning.say || "", wait });
  if (status === 403) refuseKey();
}

function refuseKey() {
  at("key").setAttribute("aria-invalid", "true");
  at("key").focus();
}
