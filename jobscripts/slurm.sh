#!/bin/bash
# Ritz under Slurm:  sbatch jobscripts/slurm.sh deck.toml [arguments of ritz run]
# Set nodes, tasks and threads to the machine: tasks x threads = physical cores of a node.
#SBATCH --job-name=ritz
#SBATCH --nodes=1
#SBATCH --ntasks-per-node=2
#SBATCH --cpus-per-task=1
#SBATCH --time=01:00:00
#SBATCH --output=ritz-%j.log
#SBATCH --open-mode=append
#SBATCH --requeue
set -uo pipefail

if [ $# -eq 0 ]; then
  echo "usage: sbatch jobscripts/slurm.sh deck.toml [arguments of ritz run]" >&2
  exit 2
fi
ritz=${RITZ:-ritz} # RITZ=/path/to/build/bin/ritz sbatch ... when it is not on the PATH

# One thread a core, each on its own; srun gives every task its own cores.
export OMP_NUM_THREADS=${SLURM_CPUS_PER_TASK:-1}
export OMP_PROC_BIND=spread OMP_PLACES=threads
# sbatch's --cpus-per-task does not reach srun by itself since Slurm 22.05.
export SRUN_CPUS_PER_TASK=$OMP_NUM_THREADS

# Ritz stops by itself before the job's time is over: newer Slurms set this, others are asked.
if [ -z "${SLURM_JOB_END_TIME:-}" ]; then
  SLURM_JOB_END_TIME=$(date -d "$(squeue -h -j "$SLURM_JOB_ID" -o %e)" +%s) || SLURM_JOB_END_TIME=
fi
export SLURM_JOB_END_TIME

# --resume goes on from the newest good checkpoint, or starts when there is none yet; Ritz reads from
# SLURM_JOB_END_TIME when it has to stop. pmi2 is what MPICH speaks; sites with another default: srun --mpi=list.
status=0
srun --mpi="${RITZ_SRUN_MPI:-pmi2}" --cpu-bind=cores "$ritz" run "$@" --resume || status=$?

# 75 and only 75 means: stopped at a good checkpoint after some progress, run again
# (docs/exit-codes.md). Any other failure would come back the same, so it stays failed.
if [ "$status" -eq 75 ]; then
  echo "stopped at a checkpoint; the job goes back into the queue"
  scontrol requeue "$SLURM_JOB_ID"
fi
exit "$status"
