# One image for every service; its argument says which: docker run dispatch ingest|router|push|email|sms|feedback|sandbox|host, or dispatch VERB for the command line.

FROM --platform=$BUILDPLATFORM mcr.microsoft.com/dotnet/sdk:10.0.401-noble AS build
ARG TARGETARCH
ENV DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1 NUGET_PACKAGES=/packages
WORKDIR /src
COPY . .
# All into one folder: they share nearly every file, and central package management gives each the same versions. Bound to one architecture, so that no other's
# native halves come along. Line numbers (.pdb) stay: quarantine keeps stack traces.
RUN --mount=type=cache,target=/packages set -e; \
    for service in Ingest Router Push Email Sms Feedback Sandbox Host Cli; do \
      dotnet publish services/Dispatch.$service -c Release -a $TARGETARCH --self-contained false -p:Librdkafka=bundled -o /out/app; \
    done
# The final image has no shell: names on the PATH turn an argument into a program.
RUN set -e; install -d -m 0700 /out/data; mkdir /out/bin; cd /out/bin; \
    for service in Ingest Router Push Email Sms Feedback Sandbox Host; do ln -s /app/Dispatch.$service "$(echo $service | tr A-Z a-z)"; done; \
    ln -s /app/Dispatch.Cli dispatch

# Chiseled Ubuntu: no shell, no package manager, a user that is not root; glibc, because the bundled librdkafka needs it (2.28 or later), which rules Alpine out.
FROM mcr.microsoft.com/dotnet/aspnet:10.0.12-noble-chiseled
# Health checks of Compose run inside; busybox acts as what it is called, so this is wget and nothing else.
COPY --from=busybox:1.37.0-musl /bin/busybox /usr/local/bin/wget
COPY --from=build /out/app /app
COPY --from=build /out/bin /usr/local/bin
# Everything that outlives the process. A new volume takes its owner from here.
COPY --from=build --chown=1654:1654 /out/data /data
# appsettings.json is read from the working directory: mount it here.
WORKDIR /etc/dispatch
# The root file system may be read-only: only /data and /tmp are written, and the diagnostics socket, which would want the latter, is off.
# Half of the memory limit (the value is hexadecimal) for the managed heap; librdkafka's queues take from the other half. Settings are read at the start alone: a machine
# runs out of file watches long before it runs out of room for containers.
ENV Dispatch__Data=/data \
    DOTNET_EnableDiagnostics=0 \
    DOTNET_GCHeapHardLimitPercent=32 \
    DOTNET_hostBuilder__reloadConfigOnChange=false \
    ASPNETCORE_HTTP_PORTS=
USER 1654:1654
EXPOSE 8080
ENTRYPOINT []
CMD ["dispatch", "--help"]
