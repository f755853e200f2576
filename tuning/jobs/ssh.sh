#!/bin/sh
# One process on each machine of HOSTS. OUT is a folder on a disk that all of them share.
# The exit status is 0 if the search has ended, whatever happened to single processes.
# Ctrl-C ends this script alone: the processes of the hosts go on and end the search.
: "${HOSTS:=node1 node2 node3}" "${OUT:=/shared/search-mazes}"
processes=""
for host in $HOSTS; do
    ssh "$host" keras-recur search deep_thinking_2d --data mazes \
        --widths 32,64,128,256 --iterations 2,4,8,16 \
        --sharing "'all,none,bank of 2'" --seeds 3 --output "$OUT" &
    processes="$processes $!"
done
status=1
for process in $processes; do
    if wait "$process"; then status=0; fi
done
exit "$status"
