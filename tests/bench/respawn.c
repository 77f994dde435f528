/* SPDX-License-Identifier: Apache-2.0
 *
 * bench_respawn N: the floor of a restart. The smallest parent there is: waits for its child, forks
 * and execs the next at once.
 */
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    for (int i = argc == 2 ? atoi(argv[1]) : 1; i > 0; i--) {
        pid_t pid = fork();
        if (pid == 0) {
            execl("/bin/true", "true", (char *)NULL);
            _exit(127);
        }
        waitpid(pid, NULL, 0);
    }
    return 0;
}
