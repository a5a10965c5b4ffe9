"""A fleet deletes the package that was fetched for it, once it has ended."""

import asyncio
import tarfile
from pathlib import Path

from kennel.cloud.runtime.clock import Clock
from kennel.cloud.runtime.health import Health
from kennel.cloud.sagemaker.endpoints.launcher import Launcher
from kennel.cloud.sagemaker.endpoints.snapshot import ConfigSnapshot
from tests.kennel.cloud.sagemaker.endpoints.serving_tools import ROLE, TINY, resolve_tiny_image

VARIANT = {"VariantName": "A", "ModelName": "m", "InitialInstanceCount": 1}
MODEL = {
    "PrimaryContainer": {"Image": TINY, "ModelDataUrl": "s3://bucket/model.tar.gz"},
    "ExecutionRoleArn": ROLE,
}


def test_package_lives_as_long_as_its_fleet(tmp_path: Path) -> None:
    package = tmp_path / "fetched"

    async def fetch(uri: str, role: str) -> Path:
        assert (uri, role) == ("s3://bucket/model.tar.gz", ROLE)
        tarfile.open(package, "w:gz").close()
        return package

    async def run() -> None:
        launcher = Launcher(
            fetch, tmp_path, Clock(), resolve_image=resolve_tiny_image, health=Health()
        )
        snapshot = ConfigSnapshot(
            {"EndpointConfigName": "c", "ProductionVariants": [VARIANT]}, {"m": MODEL}
        )
        fleet = await launcher.make_fleet("e", snapshot, "A")
        await fleet.resize(1)
        assert package.exists()  # another instance may start from it
        await fleet.retire()
        assert not package.exists()
        await fleet.stop()

    asyncio.run(run())
