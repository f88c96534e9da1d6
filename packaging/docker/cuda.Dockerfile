# pydarknet on NVIDIA's GPUs; the host needs their driver and container toolkit:
#   docker build -t pydarknet:cuda -f packaging/docker/cuda.Dockerfile .
#   docker run --rm --gpus all --user "$(id -u):$(id -g)" -v "$PWD:/data" pydarknet:cuda detect stamps --device cuda
FROM nvidia/cuda:13.0.1-devel-ubuntu24.04 AS build
RUN apt-get update && apt-get install -y --no-install-recommends g++ python3-dev python3-pip python3-venv \
    && rm -rf /var/lib/apt/lists/*
COPY . /src
RUN PYDARKNET_CUDA=1 pip wheel --no-cache-dir --no-deps -w /wheels /src

FROM nvidia/cuda:13.0.1-runtime-ubuntu24.04
RUN apt-get update && apt-get install -y --no-install-recommends libgl1 libglib2.0-0t64 python3 python3-venv \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build /wheels /wheels
RUN python3 -m venv /opt/pydarknet \
    && /opt/pydarknet/bin/pip install --no-cache-dir "$(echo /wheels/*.whl)[cuda,serve]" && rm -r /wheels \
    && useradd --create-home pydarknet
USER pydarknet
WORKDIR /data
EXPOSE 8000
ENTRYPOINT ["/opt/pydarknet/bin/pydarknet"]
CMD ["--help"]
