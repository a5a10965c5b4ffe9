// The parts of the photo that spoke for the breed, laid over it: asked for only while the switch is on.

const explaining = () => at("explain").getAttribute("aria-checked") === "true";
const explainable = (photo) => Boolean(photo?.visible && photo.answer?.is_dog);

// Keep of an answer to ?explain=1 what is shown: {src, say}. A model that cannot tell leaves it out.
function heatOf(answer) {
  const { breed, heat_map: map } = answer.explain ?? {};
  if (typeof map !== "string") return { say: "This model cannot tell which parts of the photo spoke for the breed." };
  return { src: `data:image/png;base64,${map}`, say: `Red: what spoke for ${breed}.` };
}

function showHeat() {
  const able = explainable(chosen);
  const heat = able && explaining() ? chosen.heat : null;
  at("explain").hidden = !able;
  at("heat").hidden = !heat?.src;
  if (heat?.src) at("heat").src = heat.src;
  at("explain-say").textContent = heat?.say ?? "";
}

// Ask for the heat map of the photo that is shown, if it has none.
async function explain() {
  const photo = chosen;
  showHeat();
  if (!explaining() || !explainable(photo) || photo.heat) return;
  photo.heat = { say: "Asking what spoke for it." };
  showHeat();
  const heat = await inTurn(() => askForHeat(photo));
  photo.heat = heat.failed ? null : heat;
  if (heat.failed) at("explain").setAttribute("aria-checked", "false"); // the next click asks again
  if (photo !== chosen) return;
  showHeat();
  if (heat.failed) at("explain-say").textContent = heat.say;
}

async function askForHeat(photo) {
  const ofKey = problemOfKey(readKey());
  if (ofKey) return { failed: true, say: `${ofKey.headline}. ${ofKey.say}` };
  try {
    const answer = await postPatiently(photo, readKey(), true);
    if (answer.status === 200 && isAnswer(answer.body)) return heatOf(answer.body);
    const { headline, say, id } = answer.status === 200 ? unreadable(answer.id) : refusal(answer);
    return { failed: true, say: `${headline}. ${say}${id ? ` (Request ${id})` : ""}` };
  } catch (error) {
    const { headline, say } = silence(error);
    return { failed: true, say: `${headline}. ${say}` };
  }
}

at("explain").addEventListener("click", () => {
  at("explain").setAttribute("aria-checked", String(!explaining()));
  explain();
});
