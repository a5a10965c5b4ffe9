#!/bin/bash
# usage: base-image.sh PYTHON REQUIREMENTS TAG
# A stand-in for python:3.13-slim where no registry of images can be reached: PYTHON's own
# installation, a shell and the libraries that they need, with the wheels that the Dockerfile's pip
# will ask for, since containers have no network here. Needs a Docker engine (DOCKER_HOST).
set -euo pipefail
PYTHON=$1 REQUIREMENTS=$2 TAG=$3
R=$(mktemp -d); trap 'rm -rf "$R"' EXIT; chmod 755 "$R"
read -r BASE MM < <("$PYTHON" -c 'import sys; print(sys.base_prefix, "%d.%d" % sys.version_info[:2])')
mkdir -p "$R"/{usr/local,bin,usr/bin,etc,lib64,proc,sys,dev,wheels}; mkdir -m 1777 "$R/tmp"
tar -C "$BASE" --exclude=site-packages --exclude=test --exclude=idlelib --exclude=tkinter \
    --exclude='config-*' --exclude='*.a' --exclude=__pycache__ --exclude=share --exclude=include \
    -c bin lib | tar -C "$R/usr/local" -x
mkdir -p "$R/usr/local/lib/python$MM/site-packages"
cp -r "$("$PYTHON" -c 'import os, pip; print(os.path.dirname(pip.__file__))')" \
    "$R/usr/local/lib/python$MM/site-packages/"
ln -sf "python$MM" "$R/usr/local/bin/python"
"$PYTHON" -m pip download -q --disable-pip-version-check -d "$R/wheels" -r "$REQUIREMENTS"
for program in sh rm cp mv ls cat env mkdir; do
    cp -L "$(command -v $program)" "$R/bin/$program"
done
ln -s /bin/env "$R/usr/bin/env"
find "$R/usr/local" "$R/bin" -type f \( -name '*.so*' -o -perm -u+x \) -print0 |
    { xargs -0 ldd 2>/dev/null || true; } | awk '$2 == "=>" && $3 ~ /^\// {print $3} $1 ~ /^\/lib64\// {print $1}' |
    sort -u | grep -v "^$BASE" | while read -r library; do
        mkdir -p "$R$(dirname "$library")"; cp -Ln "$library" "$R$library"
    done
for library in libstdc++.so.6 libgcc_s.so.1 libpthread.so.0 libdl.so.2 libm.so.6 librt.so.1 libutil.so.1; do  # wheels expect these of the system
    found=$(ldconfig -p | awk -v name=$library '$1 == name {print $NF; exit}')
    mkdir -p "$R$(dirname "$found")"; cp -Ln "$found" "$R$found"
done
echo 'root:x:0:0:root:/root:/bin/sh' >"$R/etc/passwd"
tar -C "$R" -c . | docker import -c 'ENV PATH=/usr/local/bin:/usr/bin:/bin' \
    -c 'ENV LD_LIBRARY_PATH=/usr/local/lib' -c 'ENV PIP_NO_INDEX=1' -c 'ENV PIP_FIND_LINKS=/wheels' \
    -c 'ENV PIP_CONSTRAINT=' - "$TAG"
