# SPDX-License-Identifier: Apache-2.0
"""A task writes an artifact to a storage that checks keys; they come from the account's secrets."""
import os
import unittest

from fixtures.s3 import S3
from sdk_agent_world import PYTHON, SdkWorld, machine_type, needed
from world import eventually

CODE = '''
from clearml import Task
task = Task.init()
task.output_uri = {uri!r}
task.upload_artifact("answer", {{"answer": 42}}, wait_on_upload=True)
print("stored", task.artifacts, flush=True)
'''

ENQUEUE = '''
task = create("storage", ARGS["code"])
Task.enqueue(task, queue_name=ARGS["queue"])
done(task.id)
'''


def setUpModule():
    needed()


class StorageWorld(SdkWorld):
    """Queue `keys` is served by machines that are given the storage's key, `bare` by ones that are
    not."""

    def __init__(self):
        super().__init__(queues=("keys", "bare"))
        self.s3 = None

    def start_server(self):
        super().start_server()
        self.s3 = S3(PYTHON, os.path.join(self.dir, "s3.log"))
        secrets = self.secrets_file("storage.yaml", storage_conf=self.s3.storage_conf())
        self.overrides = {
            "accounts": [self.account(secrets_file=secrets), self.account("bare")],
            "machine_types": [machine_type("keys"), machine_type("bare", account="bare")],
            "queues": [{"name": "keys", "types": ["keys"]}, {"name": "bare", "types": ["bare"]}]}

    def __exit__(self, *error):
        super().__exit__(*error)
        if self.s3:
            self.s3.close()


class Storage(unittest.TestCase):
    def test_an_artifact_needs_the_configured_key(self):
        with StorageWorld() as world:
            keys_before = len(world.credentials())
            uri = "s3://127.0.0.1:%d/%s" % (world.s3.port, world.s3.bucket)
            made = {queue: world.sdk(ENQUEUE, code=CODE.format(uri=uri), queue=queue)
                    for queue in ("keys", "bare")}
            world.await_completed([made["keys"]], 120, "the artifact stored")
            stored = {k: v for k, v in world.s3.objects().items() if made["keys"] in k}
            self.assertTrue(any("answer" in k and "42" in v for k, v in stored.items()), stored)
            artifact = world.task(made["keys"])["execution"]["artifacts"][0]
            self.assertTrue(artifact["uri"].startswith(uri), artifact)
            self.assert_refused(world, made["bare"])
            for task in made.values():
                self.assertNotIn(world.s3.secret, world.console(task))
            self.assertNotIn(world.s3.secret, world.log())
            world.await_nothing_left(self, keys_before, [world.s3.secret])

    def assert_refused(self, world, task):
        """The storage does check: without the key nothing arrives."""
        eventually(lambda: world.ended([task]), 90, "the task without a key ended")
        self.assertFalse([k for k in world.s3.objects() if task in k])


if __name__ == "__main__":
    unittest.main()
