#!/bin/sh
# Two processes share one GPU. KERAS_BACKEND selects the backend.
exec keras-recur search deep_thinking_2d --data mazes \
    --widths 32,64,128,256 --iterations 2,4,8,16 --sharing "all,none,bank of 2" \
    --seeds 3 --workers 2 --output "${OUT:-runs/search-mazes}"
