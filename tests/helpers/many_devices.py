"""Trace densities, values and gradients, of run files for two devices, each alone with its points.

python many_devices.py STEM...            as JAX hands them to XLA for a CPU
python many_devices.py --cuda STEM...     and for CUDA, number by number, of values alone
"""

import os
import sys

os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=2"
import jax

from benchmarks._cases import posterior_of
from nmmjax.samplers import devices
from nmmjax.samplers.base import log_density

POINTS = 2048  # more than 512 of each device, which an accelerator evaluates number by number

jax.config.update("jax_enable_x64", True)
cuda, stems = sys.argv[1] == "--cuda", sys.argv[1:]
for stem in stems[cuda:]:
    posterior = posterior_of(stem)
    points = jax.ShapeDtypeStruct((POINTS, posterior.dim), float)

    def value(z, target):
        return log_density(target, z.T)[0], ()

    with devices.using(devices.mesh(2)):
        traced = jax.jit(lambda z, p=posterior: devices.shared(value, z, p)[0]).trace(points)
        if cuda:
            traced.lower(lowering_platforms=("cuda",))
    sys.stdout.write(f"{stem}\n")
