// What the page says of an answer, and numbers as words.

const anyOf = new Intl.ListFormat("en-GB", { type: "disjunction" }); // "A, B or C"
const MOST_NAMED = 4; // breeds of a set that a headline names

// The spaces do not break.
function percent(share) {
  if (share > 0 && share < 0.01) return "<\u00a01\u00a0%";
  if (share > 0.99 && share < 1) return ">\u00a099\u00a0%";
  return `${Math.round(share * 100)}\u00a0%`;
}

const megabytes = (bytes) => (bytes < 50_000 ? `${Math.ceil(bytes / 1000)} kB` : `${(bytes / 1e6).toFixed(1)} MB`);

function duration(seconds) {
  if (seconds <= 120) return `${seconds} s`;
  return seconds <= 7200 ? `${Math.ceil(seconds / 60)} min` : `${Math.ceil(seconds / 3600)} h`;
}

function likeliest(count) {
  if (count === 1) return "The likeliest";
  return `The ${{ 2: "two", 3: "three", 4: "four", 5: "five" }[count] ?? count} likeliest`;
}

// How a breed is named, if there is a dog: {kicker, headline, say}, as `brief` on one line, `clause` in a sentence.
function namedBreed({ breeds: [top], likely }) {
  const set = likely ?? []; // of models that know
  const share = percent(top.probability);
  if (set.length > MOST_NAMED) {
    const some = set.slice(0, MOST_NAMED).join(", ");
    return {
      kicker: "Hard to tell", headline: `One of ${set.length} breeds`, brief: `One of ${set.length}: ${top.breed}, ${share}`, clause: `one of ${set.length} breeds`,
      say: `Among them ${some}. A photo that shows the whole dog often helps.`,
    };
  }
  if (set.length > 1) {
    const names = anyOf.format(set);
    return { kicker: "Probably one of", headline: names, brief: `One of ${names}`, clause: `probably one of ${names}`, say: "For nine dogs of ten, the right breed is among those named here." };
  }
  if (top.probability >= 0.5) return { kicker: "Probably", headline: top.breed, brief: `${top.breed}, ${share}`, clause: `probably ${top.breed}`, say: `${share} sure.` };
  return {
    kicker: "Hard to tell; perhaps", headline: top.breed, brief: `Perhaps ${top.breed}, ${share}`, clause: `perhaps ${top.breed}`,
    say: "No breed stands out. A photo that shows the whole dog often helps.",
  };
}

// Of models without `dog`, `is_dog` is all there is.
function verdict(answer) {
  const bars = "What comes nearest, all the same";
  if (!answer.is_dog) {
    return { kicker: "Not this time", headline: "No dog here", brief: "No dog", bars, say: "The photo does not seem to show a dog. If it does, try one where the dog is larger or better lit." };
  }
  const named = namedBreed(answer);
  if (answer.dog !== "perhaps") return { ...named, bars: likeliest(answer.breeds.length) };
  return {
    kicker: "Hard to tell", headline: "Perhaps a dog", brief: `Perhaps a dog: ${answer.breeds[0].breed}`, bars: "If it is one",
    say: `If it is one, it is ${named.clause}. A photo where the dog is larger or better lit often helps.`,
  };
}
