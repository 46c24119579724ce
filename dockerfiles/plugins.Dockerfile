# The layer of one plugin distribution on a framework image: greenbench's worker, the plugin, and
# what the plugin demands beyond the framework. Rebuilt in seconds when the plugin changes.
ARG FRAMEWORK_IMAGE

FROM ${FRAMEWORK_IMAGE} AS build
ARG BUILD_ID=none
LABEL greenbench.build=${BUILD_ID}
ARG OFFLINE=
COPY wheelhouse /wheelhouse
COPY wheels /wheels
RUN if [ -n "$OFFLINE" ]; then set -- --no-index --find-links /wheelhouse; fi \
 && export PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_PROGRESS_BAR=off \
 && pip install --prefix /prefix --retries 1 "$@" -r /wheels/requirements.txt \
 && pip install --prefix /prefix --no-index --no-deps /wheels/*.whl \
 && mv "$(find /prefix -name site-packages -o -name dist-packages | head -n 1)" /opt/plugins

FROM ${FRAMEWORK_IMAGE}
COPY --from=build /opt/plugins /opt/plugins
ENV PYTHONPATH=/opt/plugins
