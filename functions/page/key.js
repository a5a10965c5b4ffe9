// The API key: its field, and sessionStorage until the tab is closed.

const KEY = "kennel-api-key";

// Without the invisible characters that copying adds: spaces, line ends, zero-width and soft characters.
const readKey = () => at("key").value.replace(/[\s\p{Cc}\p{Cf}\p{Z}\p{Default_Ignorable_Code_Point}]/gu, "");

function problemOfKey(key) {
  if (!key) return { kicker: "One thing is missing", headline: "Enter your API key", say: "Whoever runs this API hands them out.", ofKey: true };
  const odd = [...key].find((character) => !/[\x21-\x7e]/.test(character));
  if (!odd) return null;
  const code = odd.codePointAt(0).toString(16).toUpperCase().padStart(4, "0");
  return { headline: "This is no API key", say: `It contains “${odd}” (U+${code}), and keys have only letters, digits and signs of ASCII: copy the key again from where you got it.`, ofKey: true };
}

function refuseKey() {
  at("key").setAttribute("aria-invalid", "true");
  at("key").focus();
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
