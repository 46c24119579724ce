# Models that need no framework: Python alone.
# Python 3.11.16 for every architecture, of 2026-08-25; digests of later ones are published in
# https://github.com/docker-library/repo-info/tree/master/repos/python/remote
ARG BASE=python:3.11-slim-bookworm@sha256:0bee7276f83efd4a1ee05bbbf4281d95ed28e079220a9457f25a93e3f1e3c31b
FROM ${BASE}
ARG BUILD_ID=none
LABEL greenbench.build=${BUILD_ID}
RUN python3 -m venv /opt/venv
ENV PATH=/opt/venv/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
