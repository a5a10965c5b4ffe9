// The photo that is shown, and beside it one of four states: nothing yet, at work, an answer, a problem.

let previewed = null; // the blob in the preview
let countdown = 0; // timer of the button "Try again"

const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

function scrollToAnswer() {
  at("answer").scrollIntoView({ block: "nearest", behavior: calm() ? "auto" : "smooth" });
}

function show(state, spoken) {
  clearInterval(countdown);
  for (const id of ["idle", "busy", "result", "problem"]) at(id).hidden = id !== state;
  at("spoken").textContent = spoken;
  showSend();
}

function showChosen() {
  const { state, answer, elapsed, problem } = chosen;
  showPhoto();
  showHeat();
  if (state === "answered") showAnswer(answer, elapsed);
  else if (state === "refused") showProblem(problem);
  else if (state === "ready") show("idle", "Photo chosen");
  else {
    at("busy-headline").textContent = DOING[state];
    show("busy", DOING[state]);
  }
  if (state === "ready") at("idle-text").textContent = DOING.ready;
}

// The focus goes to what is new, unless somebody walks through the list of photos.
function focusHeadline() {
  if (at("history").contains(document.activeElement)) return;
  if (chosen.problem?.ofKey) refuseKey();
  else at(chosen.state === "answered" ? "result-headline" : "problem-headline").focus({ preventScroll: true });
  scrollToAnswer();
}

// ---------------------------------------------------------------- the photo

function showPhoto() {
  const { visible = false, blob, name, size, shrunk } = chosen;
  if (visible && blob !== previewed) {
    URL.revokeObjectURL(at("preview").src);
    at("preview").src = URL.createObjectURL(blob);
    previewed = blob;
  }
  at("preview").hidden = !visible;
  at("invite").hidden = visible;
  at("another").hidden = !visible;
  at("drop").classList.toggle("full", visible);
  at("after").hidden = !blob;
  at("name").textContent = `${name} (${megabytes(size)}${shrunk ? ", made smaller to send" : ""})`;
  // One label at a time; the first one, hidden, would leave the control without a name.
  if (visible) at("file").setAttribute("aria-labelledby", "another");
  else at("file").removeAttribute("aria-labelledby");
}

// ---------------------------------------------------------------- an answer

function bar({ breed, probability }) {
  const line = document.createElement("li");
  const track = make("span", "track");
  const fill = make("span", "fill");
  fill.style.width = `${probability * 100}%`;
  track.append(fill);
  line.append(make("span", "", breed), make("span", "share", percent(probability)), track);
  return line;
}

function showAnswer(answer, elapsed) {
  const { kicker, headline, say, bars, brief } = verdict(answer);
  at("result").classList.toggle("doubt", !answer.is_dog);
  at("result-kicker").textContent = kicker;
  at("result-headline").textContent = headline;
  at("result-say").textContent = say;
  at("bars-name").textContent = bars;
  at("bars").replaceChildren(...answer.breeds.map(bar));
  at("meta").textContent = `${answer.model}, ${Math.round(answer.took_ms)} ms in the function, ${elapsed} ms in all`;
  show("result", brief);
}

// ---------------------------------------------------------------- a problem

function showProblem({ kicker = "That did not work", headline, say, retry = false, until = 0, id }) {
  at("problem-kicker").textContent = kicker;
  at("problem-headline").textContent = headline;
  at("problem-say").textContent = say;
  at("problem-id").textContent = id ?? "";
  at("problem-request").hidden = !id;
  at("again").hidden = !retry;
  show("problem", `${headline}. ${say}`);
  waitBeforeRetry(until);
}

function waitBeforeRetry(until) {
  const tick = () => {
    const left = Math.ceil((until - Date.now()) / 1000); // by the clock: timers of a tab in the background are late
    at("again").disabled = left > 0;
    at("again").textContent = left > 0 ? `Try again in ${duration(left)}` : "Try again";
    if (left <= 0) clearInterval(countdown);
  };
  if (until > Date.now()) countdown = setInterval(tick, 1000);
  tick();
}
