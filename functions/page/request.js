// POST classify, the page's only request, for a few photos at a time.

const GIVE_UP_MS = 35_000; // the API times out within 30 s
const MOST_IN_FLIGHT = 3; // below the API's five executions, which others need, too
const PATIENT_S = 10; // a wait that the API asks for, and that the page makes by itself if there are several photos
const ATTEMPTS = 4; // of one photo among several

// The page's path is /v1 or /v1/, and "classify" must be resolved relative to the second.
const root = new URL(location.pathname.replace(/\/*$/, "/"), location.origin);
const classifyUrl = new URL("classify", root);

let inFlight = 0;
const turns = []; // what lets the next task start, of tasks that wait

async function inTurn(task) {
  if (inFlight < MOST_IN_FLIGHT) inFlight += 1;
  else await new Promise((start) => turns.push(start)); // and the one that ends hands over its place
  try {
    return await task();
  } finally {
    const start = turns.shift();
    if (start) start();
    else inFlight -= 1;
  }
}

// Return {status, body, retryAfter, id}; reject if no answer comes.
async function post({ blob, type }, key, explain) {
  const given = new AbortController();
  const deadline = setTimeout(() => given.abort(), GIVE_UP_MS);
  try {
    const response = await fetch(explain ? `${classifyUrl.href}?explain=1` : classifyUrl, {
      method: "POST",
      headers: { "Content-Type": type, "x-api-key": key },
      body: blob,
      signal: given.signal,
    });
    const body = await response.json().catch(() => null);
    given.signal.throwIfAborted();
    const id = body?.request_id ?? response.headers.get("x-amzn-RequestId");
    return { status: response.status, body, retryAfter: response.headers.get("Retry-After"), id };
  } finally {
    clearTimeout(deadline);
  }
}

const seconds = (count) => new Promise((done) => setTimeout(done, count * 1000));

// Post one photo of several: a short wait that the API asks for is not the person's business.
async function postPatiently(photo, key, explain) {
  for (let attempt = 1; attempt < ATTEMPTS && photo.several; attempt += 1) {
    const answer = await post(photo, key, explain);
    const wait = waitOf(answer);
    if (![429, 503].includes(answer.status) || wait > PATIENT_S) return answer;
    await seconds(wait);
  }
  return post(photo, key, explain);
}

function isAnswer(body) {
  const breeds = body?.breeds;
  return Array.isArray(breeds) && breeds.length > 0 && breeds.every((each) => typeof each?.breed === "string" && typeof each.probability === "number");
}
