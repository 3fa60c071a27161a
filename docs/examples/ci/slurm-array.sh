#!/bin/bash
# sbatch slurm-array.sh; then, when all are done: ctreplay merge shards --out whole --across-machines
# (without the last where all shards ran on one node)
#SBATCH --job-name=ctreplay
#SBATCH --array=1-4
#SBATCH --exclusive
#SBATCH --ntasks=1
#SBATCH --output=ctreplay-%A-%a.log
# SIGTERM comes a minute before the limit: what was measured is kept, and --resume goes on from it.
#SBATCH --signal=B:TERM@60
set -euo pipefail
shard="${SLURM_ARRAY_TASK_ID:?start this with sbatch}/${SLURM_ARRAY_TASK_COUNT:?start this with sbatch}"
out="shards/${SLURM_ARRAY_TASK_ID}"
resume=()
if [ -f "$out/result.json" ]; then resume=(--resume); fi
exec ctreplay bench --preset paper --pin --shard "$shard" --out "$out" "${resume[@]}"
