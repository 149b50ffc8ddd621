"""Compile programs for an NVIDIA H200 on a machine that has none.

XLA's CUDA compiler comes with the packages jax-cuda12-pjrt and nvidia-cuda-nvcc-cu12 (the extra
`programs`); `h200.txtpb` describes the device. Nothing is run, and no time follows from it.
"""

import importlib.util
import os
import pathlib
import sysconfig
from collections.abc import Callable
from typing import Any

_TARGET = pathlib.Path(__file__).with_name("h200.txtpb")


def available() -> bool:
    """Tell whether the CUDA compiler is installed."""
    try:
        return importlib.util.find_spec("jax_plugins.xla_cuda12") is not None
    except ModuleNotFoundError:
        return False


def compiler() -> Callable[..., str]:
    """(function, *shapes) -> text of the program that XLA makes of it for the device."""
    (device,) = devices(1)
    import jax
    from jax.sharding import SingleDeviceSharding

    placed = SingleDeviceSharding(device)

    def text(function: Callable, *shapes: Any) -> str:
        return compiled(
            function,
            *jax.tree.map(
                lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=placed), shapes
            ),
        )

    return text


def compiled(function: Callable, *shapes: Any) -> str:
    """Text of the program that XLA makes of a function for the devices where its shapes are."""
    import jax

    return jax.jit(function).trace(*shapes).lower(lowering_platforms=("cuda",)).compile().as_text()


def devices(count: int) -> list[Any]:
    """So many devices of one host, to compile for.

    Sets environment variables that must be there before JAX looks for devices. The machine code,
    which nobody runs, is made with little effort.
    """
    nvcc = pathlib.Path(sysconfig.get_path("purelib")) / "nvidia" / "cuda_nvcc"
    os.environ |= {
        "JAX_PLATFORMS": "cpu",
        "CUDA_VISIBLE_DEVICES": "-1",
        "JAX_SKIP_CUDA_CONSTRAINTS_CHECK": "1",
        "PATH": f"{nvcc / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "XLA_FLAGS": f"{os.environ.get('XLA_FLAGS', '')} --xla_gpu_cuda_data_dir={nvcc} "
        "--xla_gpu_autotune_level=0 "
        "--xla_llvm_disable_expensive_passes=true",
    }
    import jax
    from jax._src import xla_bridge
    from jax.experimental import topologies

    jax.config.update("jax_enable_compilation_cache", False)  # it would load programs, to run them
    known = xla_bridge.canonicalize_platform

    def canonical(platform: str) -> str:
        try:
            return known(platform)
        except RuntimeError:  # without a device, "cuda" is no platform that JAX knows
            return "cuda"

    xla_bridge.canonicalize_platform = canonical
    target = {"target_config": _TARGET.read_text(), "topology": f"1x1x{count}"}
    found = topologies.get_topology_desc(platform="cuda", topology_name="", **target)
    return list(found.devices)
