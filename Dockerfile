# syntax=docker/dockerfile:1
# The sources in, the image of the controller out: Node and Git, and no root.
#
# Tags are pinned; pin their digests where you build, after you have verified them:
#   docker build --build-arg NODE_IMAGE=docker.io/library/node:24.21.0-bookworm-slim@sha256:… .
ARG NODE_IMAGE=docker.io/library/node:24.21.0-bookworm-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /src
ENV NPM_CONFIG_FUND=false NPM_CONFIG_AUDIT=false NPM_CONFIG_UPDATE_NOTIFIER=false
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts
COPY crds crds
COPY git git
COPY analysis analysis
COPY traffic traffic
COPY kube kube
COPY controller controller
COPY plugin plugin
COPY scripts scripts
# By name: the package called node, which npm run would find first, comes without its program here.
RUN /usr/local/bin/node scripts/build.ts

FROM ${NODE_IMAGE}
# Git reads branches and writes reverts, over HTTPS and SSH, and signs and verifies by keys of both kinds. npm is not needed to run.
RUN apt-get update \
 && apt-get install --yes --no-install-recommends git openssh-client gpg gpg-agent ca-certificates \
 && rm -rf /var/lib/apt/lists/* /usr/local/lib/node_modules /opt/yarn* \
    /usr/local/bin/npm /usr/local/bin/npx /usr/local/bin/corepack /usr/local/bin/yarn* \
 && groupadd --system --gid 65532 sluice \
 && useradd --system --uid 65532 --gid 65532 --home-dir /tmp --no-create-home --shell /usr/sbin/nologin sluice
COPY --from=build --chmod=0555 /src/dist/controller.mjs /opt/sluice/controller.mjs
COPY --chmod=0444 LICENSE /opt/sluice/LICENSE
USER 65532:65532
WORKDIR /tmp
ENV NODE_ENV=production HOME=/tmp
EXPOSE 8080
STOPSIGNAL SIGTERM
# A small young generation: else V8 takes 100 MB that the controller does not need.
ENTRYPOINT ["/usr/local/bin/node", "--max-semi-space-size=16", "/opt/sluice/controller.mjs"]
CMD ["--listen=0.0.0.0:8080"]
