"""Who signed a bundle is asked for before it answers, where the project trusts somebody."""

import json
import os
import shutil
import subprocess
import sys

import pytest
from own import keys, served
from own.versions import refused

from mlops_cli.serving import auth
from mlops_cli.serving import bundle as bundles

TEXT = "The boy blamed himself."
FILES = ("bundle.json", "model.onnx", "tokenizer.json", "reference.json", "model.sig")


@pytest.fixture
def shop(trained, project, tmp_path):
    """A project with a signed bundle and one that nobody signed; it trusts nobody yet."""
    for name in ("signed", "plain"):
        shutil.copytree(trained.path / "bundle", project / name)
    return project


@pytest.fixture
def release(tmp_path):
    """A key of the project's: private and public part."""
    return keys.pair(tmp_path)


@pytest.fixture
def signed(shop, release, mlops):
    """The bundle that is signed, in a project that asks for it."""
    done = mlops("models", "sign", "signed", "--key", release[0], json=True)
    assert done.exit_code == 0, done.stderr
    assert done.json["signer"]["kind"] == "key"
    keys.trusting(shop.path, release[1])
    return shop / "signed"


def asked(mlops, bundle):
    return mlops("predict", "--bundle", bundle, TEXT)


def test_a_signed_bundle_answers_and_one_that_nobody_signed_does_not(shop, signed, release, mlops):
    assert asked(mlops, "signed").exit_code == 0
    refused(asked(mlops, "plain"), 6, "plain has no signature", "mlops models sign plain --key")
    keys.trusting(shop.path, release[1], require_signature=False)
    done = asked(mlops, "plain")
    assert done.exit_code == 0
    assert "warning: plain has no signature" in done.stderr
    assert asked(mlops, "signed").stderr == ""


def test_the_signature_is_of_another_key(shop, signed, tmp_path, mlops):
    other = keys.pair(tmp_path, "other")
    for required in (True, False):
        keys.trusting(shop.path, other[1], require_signature=required)
        refused(asked(mlops, "signed"), 6, "signed is signed by key ", "registry.trust lacks a key")
    # Both count, in any order.
    keys.trusting(shop.path, other[1], shop.path.parent / "release.pub")
    assert asked(mlops, "signed").exit_code == 0


@pytest.mark.parametrize("name", FILES)
def test_any_byte_of_any_file(signed, mlops, name):
    raw = (signed / name).read_bytes()
    places = {0, len(raw) // 3, len(raw) // 2, len(raw) - 2}
    for place in places:
        changed = raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :]
        (signed / name).write_bytes(changed)
        done = asked(mlops, "signed")
        assert done.exit_code == 6, (name, place, done.stderr)
        assert "Traceback" not in done.stderr
    (signed / name).write_bytes(raw)
    assert asked(mlops, "signed").exit_code == 0
    (signed / name).unlink()
    assert asked(mlops, "signed").exit_code in (5, 6)


def test_a_manifest_that_is_made_anew_is_not_the_signed_one(signed, mlops):
    facts = json.loads((signed / "bundle.json").read_text("utf-8"))
    facts["labels"] = facts["labels"][::-1]
    bundles.write(signed, facts)
    assert bundles.load(signed).facts["labels"] == facts["labels"]
    refused(asked(mlops, "signed"), 6, "signed/model.sig is not the signature of the bundle.json")


def test_a_file_more_is_not_what_was_signed(signed, mlops):
    (signed / "more.py").write_text("", "utf-8")
    done = asked(mlops, "signed")
    assert done.exit_code == 6
    assert "more.py" in done.stderr


def test_what_is_no_bundle_as_exported_is_not_signed(shop, release, mlops):
    words = ("models", "sign", "plain", "--key", release[0])
    (shop / "plain" / "notes.txt").write_text("", "utf-8")
    refused(mlops(*words), 5, "", "move them elsewhere")
    (shop / "plain" / "notes.txt").unlink()
    with (shop / "plain" / "model.onnx").open("ab") as stream:
        stream.write(b"x")
    assert mlops(*words).exit_code == 5
    assert not (shop / "plain" / "model.sig").exists()


def test_a_certificate_and_its_authority(shop, tmp_path, mlops):
    root, middle, mine, key = keys.chain(tmp_path)
    words = ("models", "sign", "signed", "--certificate", mine, "--key", key)
    done = mlops(*words, "--chain", middle, json=True)
    assert done.exit_code == 0, done.stderr
    assert done.json["signer"]["name"] == "CN=team me"
    keys.trusting(shop.path, root)
    assert asked(mlops, "signed").exit_code == 0
    keys.trusting(shop.path, keys.chain(tmp_path, "others")[0])
    done = asked(mlops, "signed")
    refused(done, 6, "signed is signed by CN=team me (certificate ")
    assert "unable to get" in done.stderr
    # Without what lies between, the authority is not reached.
    assert mlops(*words).exit_code == 0
    keys.trusting(shop.path, root)
    assert asked(mlops, "signed").exit_code == 6
    _, _, _, other = keys.chain(tmp_path, "else")
    done = mlops("models", "sign", "signed", "--certificate", mine, "--key", other)
    refused(done, 5, f"{mine} does not go with {other}")


def test_keys_that_can_not_sign(shop, tmp_path, mlops, monkeypatch):
    locked, _ = keys.pair(tmp_path, "locked", password="much")
    words = ("models", "sign", "signed", "--key")
    refused(mlops(*words, locked), 4, f"the key {locked}: Password was", "MLOPS_SIGNING_PASSWORD")
    monkeypatch.setenv("MLOPS_SIGNING_PASSWORD", "wrong")
    refused(mlops(*words, locked), 4, f"{locked} is no private key that can be read, or MLOPS_")
    monkeypatch.setenv("MLOPS_SIGNING_PASSWORD", "much")
    assert mlops(*words, locked).exit_code == 0
    monkeypatch.delenv("MLOPS_SIGNING_PASSWORD")
    rsa, public = keys.pair(tmp_path, "rsa", kind="rsa")
    refused(mlops(*words, rsa), 5, f"{rsa} is no elliptic-curve key", "openssl ecparam")
    refused(mlops(*words, public), 5, f"{public} is no private key")
    refused(mlops(*words, tmp_path / "none"), 5, f"the key {tmp_path / 'none'} can't be read")
    refused(mlops("models", "sign", "signed"), 2, "sign with a key, or keyless", "--key FILE")
    refused(mlops(*words, locked, "--keyless"), 2, "sign with a key, or keyless")
    refused(mlops(*words, locked, "--chain", rsa), 2, "--chain goes with --certificate")


def test_keyless_says_that_it_needs_the_network(shop, mlops):
    done = mlops("models", "sign", "signed", "--keyless")
    refused(done, 5, "sigstore can't be reached", "offline, sign with a key")
    assert not (shop / "signed" / "model.sig").exists()


def test_what_the_config_says_must_hold(shop, signed, tmp_path, release, mlops):
    keys.trusting(shop.path)
    refused(asked(mlops, "signed"), 3, "registry.require_signature refuses everything")
    keys.trusting(shop.path, "keys/none.pub")
    refused(asked(mlops, "signed"), 3, "registry.trust names keys/none.pub, which is not there")
    keys.trusting(shop.path, release[0])  # The private part.
    refused(asked(mlops, "signed"), 3, f"registry.trust names {release[0]}, which is neither")
    keys.trusting(shop.path, keys.pair(tmp_path, "rsa", kind="rsa")[1])
    refused(asked(mlops, "signed"), 3, f"{tmp_path / 'rsa.pub'} is no elliptic-curve key")


def test_without_the_extra_it_says_what_to_install(signed, mlops, monkeypatch):
    for name in [
        one for one in sys.modules if one.partition(".")[0] in ("sigstore", "model_signing")
    ]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "sigstore", None)
    monkeypatch.setitem(sys.modules, "model_signing", None)
    done = asked(mlops, "signed")
    assert done.exit_code == 4, done.stderr
    assert "pip install 'mlops-cli[sign]'" in done.stderr
    done = mlops("models", "sign", "signed", "--key", "key.pem")
    assert done.exit_code == 4, done.stderr
    assert "pip install 'mlops-cli[sign]'" in done.stderr


def test_where_nobody_is_trusted_nothing_is_imported_for_it(shop, signed):
    code = (
        "import sys; from pathlib import Path\n"
        "from mlops_cli import config, serving_plan\n"
        "from mlops_cli.registry import trusting\n"
        "from mlops_cli.serving.service import Service\n"
        "root = Path.cwd()\n"
        "settings = config.load_group('serve', [], root=root)\n"
        "trust = trusting.trusted(root)\n"
        "plan = serving_plan.make(root, settings, Path('signed'), None, trust)\n"
        "Service(settings, plan.trust).load(plan.models['model'], model='model')\n"
        "heavy = {'model_signing', 'sigstore', 'cryptography', 'OpenSSL', 'hydra', 'dvc', 'gto'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )

    def imported():
        words = [sys.executable, "-c", code]
        done = subprocess.run(words, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    assert "model_signing" in imported()
    shop({"configs/config.yaml": "defaults: [base, _self_]\n"})
    assert imported() == "[]"


def test_a_server_takes_signed_bundles_alone(shop, signed, release, mlops, tmp_path, monkeypatch):
    command = [sys.executable, "-m", "mlops_cli", "serve", "--bundle", "plain"]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env=dict(os.environ)
    )
    assert done.returncode == 6, done.stderr
    assert "has no signature" in done.stderr
    secret, key = auth.new("ops", "admin")
    (shop / "keys.txt").write_text(f"{key.line}\n", "utf-8")
    monkeypatch.setenv("MLOPS_ADMIN_KEY", secret)
    shutil.copytree(signed, shop / "other")
    with served.serving(signed, shop.path, "serve.api_keys=keys.txt") as server:
        there = ("--model", "second", "--url", server.url)
        for name in ("plain", "other"):
            if name == "other":
                (shop / "other" / "model.onnx").write_bytes(b"x")
            done = mlops("rollout", "load", name, *there)
            assert done.exit_code == 6, done.stderr
        done = mlops("rollout", "load", "signed", *there)
        assert done.exit_code == 0, done.stderr
