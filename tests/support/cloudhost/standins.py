# SPDX-License-Identifier: Apache-2.0
"""Programs that a machine finds in place of the host's: what would switch the host off, and
nvidia-smi. Each is a shell script; what they must know stands in /run/cloudhost."""
import os

SWITCH = r"""#!/bin/sh
# The machine's power switch: its first process reads the other end of this pipe.
word=O now= delay=0
case ${0##*/} in reboot) word=R ;; systemctl)
  case "$*" in
  *poweroff* | *halt*) ;;
  *reboot*) word=R ;;
  *)
    echo "System has not been booted with systemd as init system (PID 1). Can't operate." >&2
    exit 1
    ;;
  esac
  ;;
esac
for arg; do
  case $arg in
  -c) exit 0 ;;
  -k | --help) exit 0 ;;
  -r | --reboot) word=R ;;
  -f | --force | -ff) now=1 ;;
  +[0-9]*) delay=$((${arg#+} * 60)) ;;
  esac
done
[ -n "$now" ] && case $word in O) word=o ;; R) word=b ;; esac
if [ "$delay" -gt 0 ] && [ "${0##*/}" = shutdown ]; then
  (sleep "$delay"; printf %s "$word" >/run/cloudhost/power) </dev/null >/dev/null 2>&1 &
else
  printf %s "$word" >/run/cloudhost/power
fi
"""

# /run/cloudhost/gpus: count, model, memory in MiB, one a line; or the word "broken".
NVIDIA_SMI = r"""#!/bin/sh
{ read -r count; read -r model; read -r memory; } </run/cloudhost/gpus
if [ "$count" = broken ]; then
  echo "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver." \
    "Make sure that the latest NVIDIA driver is installed and running."
  exit 9
fi
if [ "$count" = 0 ]; then
  echo "No devices were found"
  exit 6
fi
uuid() { printf 'GPU-%08x-c10d-4a0e-b00c-0123456789ab' "$1"; }
mode=table fields= form=
for arg; do
  case $arg in
  -L | --list-gpus) mode=list ;;
  --query-gpu=*) mode=query fields=${arg#*=} ;;
  --format=*) form=${arg#*=} ;;
  esac
done
cell() {
  case $1 in
  index) printf %s "$2" ;;
  count) printf %s "$count" ;;
  name | gpu_name) printf %s "$model" ;;
  uuid | gpu_uuid) uuid "$2" ;;
  driver_version) printf 550.54.15 ;;
  pci.bus_id | gpu_bus_id) printf '00000000:00:%02X.0' $((30 - $2)) ;;
  memory.total | memory.free) printf '%s%s' "$memory" "$([ -n "$units" ] && echo ' MiB')" ;;
  memory.used) printf '0%s' "$([ -n "$units" ] && echo ' MiB')" ;;
  utilization.gpu) printf '0%s' "$([ -n "$units" ] && echo ' %')" ;;
  temperature.gpu) printf 30 ;;
  *) printf '[N/A]' ;;
  esac
}
case $form in *nounits*) units= ;; *) units=1 ;; esac
case $mode in
query)
  case $form in *noheader*) ;; *) echo "$fields" | sed 's/,/, /g' ;; esac
  ;;
table)
  line='+-----------------------------------------------------------------------------------------+'
  echo "$line"
  echo '| NVIDIA-SMI 550.54.15              Driver Version: 550.54.15      CUDA Version: 12.4     |'
  echo "$line"
  ;;
esac
i=0
while [ $i -lt "$count" ]; do
  case $mode in
  list) echo "GPU $i: $model (UUID: $(uuid $i))" ;;
  query)
    row=
    for field in $(echo "$fields" | tr , ' '); do row="$row, $(cell "$field" $i)"; done
    echo "${row#, }"
    ;;
  table) printf '| %3d  %-40s  0MiB / %6sMiB  %26s |\n' $i "$model" "$memory" 'Default' ;;
  esac
  i=$((i + 1))
done
[ $mode = table ] && echo "$line"
exit 0
"""


def files(instance, gpus, resolv=None):
    """path -> text of what this machine finds instead of the host's files."""
    sbin, bin_ = os.path.realpath("/sbin"), os.path.realpath("/bin")
    found = {sbin + "/" + name: SWITCH for name in ("shutdown", "poweroff", "halt", "reboot")}
    found[bin_ + "/systemctl"] = SWITCH
    if gpus:
        found["/usr/bin/nvidia-smi"] = NVIDIA_SMI
    short = instance.host_name.partition(".")[0]
    names = " ".join(dict.fromkeys((instance.host_name, short)))
    found["/etc/hosts"] = "127.0.0.1 localhost\n%s %s\n" % (instance.private_ip, names)
    found["/etc/hostname"] = short + "\n"
    if resolv:
        found["/etc/resolv.conf"] = resolv
    return found
