#!/bin/sh
# One process for each GPU of a machine.
: "${CUDA_VISIBLE_DEVICES:=0,1,2,3}"
export CUDA_VISIBLE_DEVICES
count=$(echo "$CUDA_VISIBLE_DEVICES" | tr ',' '\n' | wc -l)
exec keras-recur search deep_thinking_2d --data mazes \
    --widths 32,64,128,256 --iterations 2,4,8,16 --sharing "all,none,bank of 2" \
    --seeds 3 --workers "$count" --output "${OUT:-runs/search-mazes}"
