# Built in two stages: the first installs by the lock file, the second gets the result and no tools.
# The Python that the tests run on, once in each stage; `make update-pins` writes the digests.

FROM python:3.11-slim AS build
# The uv of uv.lock, by its hashes, from its registry like everything else.
COPY uv.requirements.txt ./
RUN pip install --no-cache-dir --disable-pip-version-check --root-user-action=ignore --require-hashes --requirement uv.requirements.txt
# Bytecode now: the image's root is read-only later. No Python but this image's own.
ENV UV_PROJECT_ENVIRONMENT=/opt/pod-diagnoser \
    UV_COMPILE_BYTECODE=1 \
    UV_LINK_MODE=copy \
    UV_NO_CACHE=1 \
    UV_PYTHON_DOWNLOADS=never
WORKDIR /src
# What changes seldom comes first: the dependencies are a layer of their own.
COPY pyproject.toml uv.lock ./
RUN uv sync --locked --no-dev --no-editable --no-install-project
COPY README.md LICENSE ./
COPY hooks hooks
RUN uv sync --locked --no-dev --no-editable

FROM python:3.11-slim
LABEL org.opencontainers.image.title="pod-diagnoser" \
      org.opencontainers.image.description="Says on the Pod itself why its container crashed: a Metacontroller DecoratorController hook for Kubernetes." \
      org.opencontainers.image.licenses="Apache-2.0 AND MIT"
# Nothing that installs: neither pip nor what would bring it back.
RUN python -m pip uninstall --yes --root-user-action=ignore pip setuptools wheel \
 && python -c 'import pathlib, shutil, sysconfig; shutil.rmtree(pathlib.Path(sysconfig.get_path("stdlib"), "ensurepip"))'
COPY --from=build /opt/pod-diagnoser /opt/pod-diagnoser
ENV PATH=/opt/pod-diagnoser/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    POD_DIAGNOSER_HOST=0.0.0.0 \
    POD_DIAGNOSER_PORT=8443 \
    POD_DIAGNOSER_METRICS_PORT=8080 \
    POD_DIAGNOSER_TLS_DIR=/etc/pod-diagnoser/tls \
    POD_DIAGNOSER_TOKEN_DIR=/etc/pod-diagnoser/tokens
# A number, so that the kubelet can tell that it is not root.
USER 65532:65532
WORKDIR /
EXPOSE 8443 8080
CMD ["gunicorn", "--config", "python:pod_diagnoser.server.gunicorn_conf", "pod_diagnoser.server.app:create_app()"]
