#!/bin/bash

# Parameters
#SBATCH --array=0-1%2
#SBATCH --job-name=tiny
#SBATCH --nodes=1
#SBATCH --ntasks-per-node=1
#SBATCH --open-mode=append
#SBATCH --output=/tmp/wt/d14/x/slurm/%A_%a_0_log.out
#SBATCH --partition=nope
#SBATCH --requeue
#SBATCH --signal=USR2@120
#SBATCH --time=240
#SBATCH --wckey=submitit

# command
export SUBMITIT_EXECUTOR=slurm
srun --unbuffered --output /tmp/wt/d14/x/slurm/%A_%a_%t_log.out /tmp/wt/d14/.venv/bin/python -u -m submitit.core._submit /tmp/wt/d14/x/slurm
