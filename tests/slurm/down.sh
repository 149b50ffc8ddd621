#!/usr/bin/env bash
# Take down what up.sh DIR started, by its own pid files.
set -uo pipefail
dir=$1
export SLURM_CONF=$dir/slurm.conf
for job in $(squeue -r -h -o %i 2>/dev/null); do scancel "$job"; done
for _ in $(seq 120); do [ -z "$(squeue -h 2>/dev/null)" ] && break; sleep 0.5; done
for pid in "$dir/slurmd.pid" "$dir/slurmctld.pid" "$dir/munge/pid"; do
    [ -s "$pid" ] && kill "$(cat "$pid")" 2>/dev/null
done
for pid in "$dir/slurmd.pid" "$dir/slurmctld.pid" "$dir/munge/pid"; do
    for _ in $(seq 60); do [ -s "$pid" ] && kill -0 "$(cat "$pid")" 2>/dev/null || break; sleep 0.25; done
done
exit 0
