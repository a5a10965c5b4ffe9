#!/usr/bin/env bash
# Train once on one EC2 instance, upload the package, report and log, and terminate the instance.
#
#     PHOTOS_URI=s3://... SOURCE_URI=s3://... OUTPUT_URI=s3://... bash model/ec2_train.sh user-data
#
# prints the user data to launch the instance with (docs/training.md has the whole command); the
# instance then runs `ec2_train.sh run`. Settings: ec2_settings.env beside this file. Launch it with
# --instance-initiated-shutdown-behavior terminate: this script shuts it down at the end, after a
# failure too, and the shutdown then terminates it.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=model/ec2_settings.env
source "$here/ec2_settings.env"

fail() {
  echo "ec2_train: $1" >&2
  exit 1
}

check() {
  local name
  for name in PHOTOS_URI SOURCE_URI OUTPUT_URI; do
    [[ ${!name} == s3://?*/?* ]] ||
      fail "$name is '${!name}', expected s3://BUCKET/KEY; set it as ec2_settings.env says."
  done
}

# Downloads this folder and runs it; shuts the instance down if that fails.
user_data() {
  local name
  echo '#!/usr/bin/env bash'
  for name in PHOTOS_URI SOURCE_URI OUTPUT_URI LIVE_URI PYTHON WORK MAX_MINUTES BACKBONE EPOCHS \
    LEARNING_RATE BATCH_SIZE SHRINKAGE ACCEPT; do
    printf 'export %s=%q\n' "$name" "${!name}"
  done
  cat <<'END'
shutdown -h "+$MAX_MINUTES"
trap 'shutdown -h now' EXIT
set -euo pipefail
mkdir -p "$WORK/source"
aws s3 cp "$SOURCE_URI" - | tar -xz -C "$WORK/source"
bash "$WORK/source/ec2_train.sh" run
END
}

train() {
  # The image brings PyTorch; requirements.txt has the rest that train.py needs.
  "$PYTHON" -m pip install --disable-pip-version-check --quiet -r "$here/requirements.txt"
  aws s3 sync --only-show-errors "$PHOTOS_URI" "$WORK/photos"
  local flags=(--data "$WORK/photos" --out "$WORK/out" --head-only --backbone "$BACKBONE"
    --epochs "$EPOCHS" --learning-rate "$LEARNING_RATE" --batch-size "$BATCH_SIZE"
    --shrinkage "$SHRINKAGE")
  [[ -z $ACCEPT ]] || flags+=(--accept "$ACCEPT")
  if [[ -n $LIVE_URI ]]; then
    aws s3 cp --only-show-errors "$LIVE_URI" "$WORK/live/model.tar.gz"
    flags+=(--live "$WORK/live/model.tar.gz")
  fi
  "$PYTHON" "$here/train.py" "${flags[@]}"
}

# The package is uploaded last: where it exists, so does all the rest.
upload() {
  aws s3 cp --only-show-errors "$WORK/log.txt" "$OUTPUT_URI/log.txt"
  [[ -d $WORK/out ]] || return 0
  aws s3 sync --only-show-errors --exclude model.tar.gz "$WORK/out" "$OUTPUT_URI"
  [[ ! -f $WORK/out/model.tar.gz ]] ||
    aws s3 cp --only-show-errors "$WORK/out/model.tar.gz" "$OUTPUT_URI/model.tar.gz"
}

run() {
  trap 'shutdown -h now' EXIT
  mkdir -p "$WORK"
  set +e # not `train || ...`: bash would then go on after an error inside of train
  (
    set -e
    train
  ) 2>&1 | tee "$WORK/log.txt"
  local status=${PIPESTATUS[0]}
  set -e
  echo "training ended with status $status" | tee -a "$WORK/log.txt"
  upload
  return "$status"
}

case ${1:-} in
  user-data) check && user_data ;;
  run) check && run ;;
  *) fail "received '${1:-}', expected user-data or run; see the first lines of this file." ;;
esac
