# PyTorch, for the CPU or (VARIANT=gpu) with CUDA. Builds without BuildKit; with OFFLINE
# it takes wheels from the context's wheelhouse/ alone, and they stay out of the image.
# Python 3.11.16 for every architecture, of 2026-08-25; digests of later ones are published in
# https://github.com/docker-library/repo-info/tree/master/repos/python/remote
ARG BASE=python:3.11-slim-bookworm@sha256:0bee7276f83efd4a1ee05bbbf4281d95ed28e079220a9457f25a93e3f1e3c31b

FROM ${BASE} AS build
ARG BUILD_ID=none
LABEL greenbench.build=${BUILD_ID}
ARG VARIANT=cpu
ARG OFFLINE=
ARG REQUIREMENT="torch==2.13.0 numpy==2.4.* scikit-learn==1.9.*"
# The package index has CUDA builds; those for the CPU, a tenth of the size, are here.
ARG CPU_INDEX=https://download.pytorch.org/whl/cpu
COPY wheelhouse /wheelhouse
RUN python3 -m venv /opt/venv \
 && if [ -n "$OFFLINE" ]; then set -- --no-index --find-links /wheelhouse; \
    elif [ "$VARIANT" = cpu ]; then set -- --extra-index-url "$CPU_INDEX"; fi \
 && /opt/venv/bin/pip install --no-cache-dir --disable-pip-version-check --progress-bar off \
    "$@" $REQUIREMENT

FROM ${BASE}
COPY --from=build /opt/venv /opt/venv
ENV PATH=/opt/venv/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
