# pydarknet on CPUs, with the server:
#   docker build -t pydarknet -f packaging/docker/cpu.Dockerfile .
#   docker run --rm --user "$(id -u):$(id -g)" -v "$PWD:/data" pydarknet detect stamps
#   docker run --rm -p 8000:8000 -e PYDARKNET_TOKEN=SECRET -v "$PWD:/data" pydarknet serve stamps --host 0.0.0.0
FROM python:3.12-slim-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends g++ && rm -rf /var/lib/apt/lists/*
COPY . /src
RUN PYDARKNET_CUDA=0 pip wheel --no-cache-dir --no-deps -w /wheels /src

FROM python:3.12-slim-bookworm
# What OpenCV's windows link to; none is opened here.
RUN apt-get update && apt-get install -y --no-install-recommends libgl1 libglib2.0-0 && rm -rf /var/lib/apt/lists/*
COPY --from=build /wheels /wheels
RUN pip install --no-cache-dir "$(echo /wheels/*.whl)[serve]" && rm -r /wheels && useradd --create-home pydarknet
USER pydarknet
WORKDIR /data
EXPOSE 8000
ENTRYPOINT ["pydarknet"]
CMD ["--help"]
