#!/bin/bash
# PID 1 of the lab's node, in mount, pid, network, uts and ipc namespaces of its own: nothing here reaches the host.
# Arguments: the folder of this lab, the node's address with its prefix length.
# Standard input: closed by the end of the lab, whatever ends it; the word "stay" says to outlive it.
set -eu
state=$1 address=$2

mount --make-rshared /
hostname node
mount -t tmpfs tmpfs /run
mkdir -p /run/containerd /run/netns

# What kubelet, containerd and CNI write to fixed places goes to the lab's own folder.
own() { mkdir -p "$state/$1" "$2"; mount --bind "$state/$1" "$2"; }
own kubelet /var/lib/kubelet
own pod-logs /var/log/pods
own container-logs /var/log/containers
own cni-state /var/lib/cni

# kubelet sets these for the whole machine: give it copies to write to.
mkdir -p "$state/sysctl"
for name in vm/overcommit_memory vm/panic_on_oom kernel/panic kernel/panic_on_oops \
            kernel/keys/root_maxkeys kernel/keys/root_maxbytes; do
  copy=$state/sysctl/${name//\//_}
  cat "/proc/sys/$name" > "$copy"
  mount --bind "$copy" "/proc/sys/$name"
done

# An empty bridge carries the node's address: not every kernel has dummy devices.
ip link set lo up
ip link add node0 type bridge
ip address add "$address" dev node0
ip link set node0 up
ip route add default dev node0
echo 1 > /proc/sys/net/ipv4/ip_forward
echo 1 > /proc/sys/net/bridge/bridge-nf-call-iptables 2> /dev/null || true

echo ready
# bash collects orphans while it reads or waits; when it ends, the kernel ends every process of the node.
while read -r word; do
  if [ "$word" = stay ]; then
    while :; do sleep 3600 & wait $! || true; done
  fi
done
