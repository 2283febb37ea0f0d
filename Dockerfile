# Slipway over HTTP, without root. Sandboxes need a Docker daemon (DOCKER_HOST) or run nowhere: nothing is run in here.
FROM node:24-slim AS build
WORKDIR /src
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY . .
# The build's compiler is a tool of its own, see tools/package.json.
RUN npm pack --silent --pack-destination /tmp && mv /tmp/slipway-*.tgz /tmp/slipway.tgz

FROM node:24-slim
RUN apt-get update -qq && apt-get install -qq -y --no-install-recommends git ca-certificates && rm -rf /var/lib/apt/lists/*
WORKDIR /opt/slipway
COPY --from=build /tmp/slipway.tgz /tmp/
RUN npm install --omit=dev --ignore-scripts --no-audit --no-fund /tmp/slipway.tgz && rm /tmp/slipway.tgz \
  && mkdir -p /state /projects && chown node:node /state /projects
ENV PATH=/opt/slipway/node_modules/.bin:$PATH SLIPWAY_HOME=/state SLIPWAY_ROOTS=/projects
USER node
VOLUME ["/state"]
EXPOSE 8787
ENTRYPOINT ["slipway"]
CMD ["serve", "all", "--http", "--host", "0.0.0.0", "--port", "8787"]
