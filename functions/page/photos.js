// The photos of this tab, the newest first: a list with the answer or the problem of each. All of it is memory of this tab.

const REMEMBERED = 10; // photos; more if more are chosen at once
const MOST_AT_ONCE = 50; // photos of one choice

let photos = []; // {name, size, file, several, together, state, item}, then what openPhoto returns, `answer` or `problem`, and `heat`
let chosen = null; // the one that is shown

// The states of a photo, with what is said of it.
const DOING = { opening: "Opening the photo", waiting: "Waiting for its turn", sending: "Looking at the photo", ready: "Ready when you are." };
const isBusy = ({ state }) => ["opening", "waiting", "sending"].includes(state);

function addPhotos(files) {
  const added = [...files].slice(0, MOST_AT_ONCE).map((file) => {
    const photo = { name: file.name || "Pasted photo", size: file.size, file, several: files.length > 1, state: "opening" };
    photo.item = itemOf(photo);
    return photo;
  });
  for (const photo of added) photo.together = added;
  const most = Math.max(REMEMBERED, added.length);
  photos = [...added, ...photos].filter((photo, place) => place < most || isBusy(photo));
  at("photos").replaceChildren(...photos.map(({ item }) => item));
  at("photos-more").textContent = files.length > MOST_AT_ONCE ? `Of the ${files.length} chosen, the first ${MOST_AT_ONCE} were taken.` : "";
  added.forEach(showItem);
  at("history").hidden = photos.length < 2;
  choose(added[0]);
  return added;
}

function change(photo, changes) {
  Object.assign(photo, changes);
  showItem(photo);
  if (photo === chosen) showChosen();
  else showSend();
  if (photo === chosen && ["answered", "refused"].includes(photo.state)) focusHeadline();
  if (photo.several && !photo.together.some(isBusy)) sayTally(photo.together);
}

function sayTally(together) {
  const answered = together.filter(({ state }) => state === "answered").length;
  at("spoken").textContent = `${answered} of ${together.length} photos answered. ${at("spoken").textContent}`;
}

function choose(photo) {
  chosen = photo;
  for (const { item } of photos) item.firstChild.removeAttribute("aria-current");
  photo.item.firstChild.setAttribute("aria-current", "true");
  showChosen();
}

// ---------------------------------------------------------------- an item

function itemOf(photo) {
  const item = document.createElement("li");
  const button = make("button", "shot");
  const words = make("span", "shot-words");
  button.type = "button";
  words.append(make("span", "shot-brief"), make("span", "shot-name", photo.name));
  button.append(make("span", "thumb"), words);
  button.addEventListener("click", () => {
    choose(photo);
    explain();
    scrollToAnswer();
  });
  item.append(button);
  return item;
}

function briefOf({ state, answer, problem }) {
  if (state === "answered") return verdict(answer).brief;
  return state === "refused" ? problem.headline : DOING[state];
}

function showItem(photo) {
  const { item, state, thumb } = photo;
  item.firstChild.classList.toggle("refused", state === "refused");
  item.querySelector(".shot-brief").textContent = briefOf(photo);
  if (thumb) item.querySelector(".thumb").replaceWith(thumb);
}
