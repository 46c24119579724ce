# Models that need no framework: Python alone.
ARG BASE=python:3.11-slim
FROM ${BASE}
ARG BUILD_ID=none
LABEL greenbench.build=${BUILD_ID}
RUN python3 -m venv /opt/venv
ENV PATH=/opt/venv/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
