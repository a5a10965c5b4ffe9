// What the page says of a request that failed: {kicker, headline, say, retry, until, id}.

const LATE = { headline: "No answer came", say: "It took longer than half a minute. Send the photo again.", retry: true };
const OFFLINE = { headline: "You are offline", say: "This device has no connection. Send the photo again when it has.", retry: true };
const UNREACHABLE = { headline: "The API cannot be reached", say: "Check the connection and send the photo again.", retry: true };

// Heading for each status; the API's sentence is shown below it, and `say` if it has none.
const MEANING = {
  400: { headline: "This file cannot be read" },
  403: { headline: "The API key is not accepted", ofKey: true, say: "Check the key for missing characters, or ask whoever runs this API for a new one." },
  413: { headline: "The photo is too large", say: "Send a smaller one: 320 pixels on the shorter side are enough." },
  415: { headline: "This kind of file is not taken", say: "Send the photo as JPEG, PNG or WebP." },
  429: { headline: "A limit of your key is reached", say: "Your key has a limit on photos a second and a day. Wait a moment and send it again.", retry: true, wait: 2 },
  503: { headline: "The classifier is busy or not up yet", say: "Wait a moment and send the photo again.", retry: true, wait: 5 },
  504: { headline: "The classifier took too long", say: "It may be overloaded. Wait a moment and send the photo again.", retry: true, wait: 5 },
};
const REFUSED = { headline: "The API refused this request", say: "Whoever runs this API can see the cause." };
const BROKEN = { headline: "Something broke on the other side", say: "It is not your photo's fault, and whoever runs this API can see the cause in its log.", retry: true };

const meaningOf = (status) => MEANING[status] ?? (status >= 400 && status < 500 ? REFUSED : BROKEN);

// Seconds to wait before the next try. `retryAfter` is the header: seconds, a date, or null.
function waitOf({ status, retryAfter }) {
  return Number(retryAfter) || (Date.parse(retryAfter) - Date.now()) / 1000 || meaningOf(status).wait || 0;
}

function refusal({ status, body, retryAfter, id }) {
  const meaning = meaningOf(status);
  // A 403's sentence is for programs: it speaks of the header.
  const own = status !== 403 && typeof body?.detail === "string" ? body.detail : "";
  const until = Date.now() + waitOf({ status, retryAfter }) * 1000;
  return { kicker: `Status ${status}`, ...meaning, say: own || meaning.say || "", until, id };
}

const unreadable = (id) => ({ ...BROKEN, say: "It sent an answer that this page cannot read. Whoever runs this API can see the cause.", id });

// Of a request that got no answer.
function silence(error) {
  if (error.name === "AbortError") return LATE;
  return navigator.onLine ? UNREACHABLE : OFFLINE;
}
