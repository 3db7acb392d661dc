"""AWS Lambda: Terraform and the runtime client are the real ones; AWS itself is moto."""

import json
import os
import re
import shutil
import subprocess
import urllib.request
from pathlib import Path

import boto3
import pytest
from own import aws, tutorial
from own.engine import BASE, REGISTRY, docker, needed
from own.servers import free_port
from own.shown import blocks
from own.versions import refused

from mlops_cli.reporting import SilentReporter as Silent
from mlops_cli.targets.aws_lambda import terraform, terraform_files

KEY = "a-key-of-somebody-who-asks"
PLUGINS = os.environ.get("MLOPS_TEST_TF_PLUGINS", "")
TERRAFORM = pytest.mark.skipif(
    terraform.there() is None or not PLUGINS,
    reason="no Terraform, or no mirror of its AWS provider (MLOPS_TEST_TF_PLUGINS names one)",
)
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def account(tmp_path_factory):
    with aws.running(tmp_path_factory.mktemp("aws")) as account:
        yield account


@pytest.fixture
def cloud(account, shop, monkeypatch, tmp_path):
    """An empty account, and whoever deploys to it."""
    urllib.request.urlopen(f"{account.url}/moto-api/reset", b"").close()
    account.denied.clear()
    account.images.clear()
    account.asked.clear()
    variables = {
        "AWS_ENDPOINT_URL": account.url,
        "AWS_ACCESS_KEY_ID": "me",
        "AWS_SECRET_ACCESS_KEY": "secret-of-aws",
        "AWS_REGION": aws.REGION,
        "AWS_CONFIG_FILE": str(tmp_path / "none"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none"),
        "AWS_MAX_ATTEMPTS": "1",
        "MLOPS_API_KEYS": KEY,
    }
    if PLUGINS:
        mirror = f'filesystem_mirror {{\n    path = "{PLUGINS}"\n  }}'
        (tmp_path / "terraformrc").write_text(f"provider_installation {{\n  {mirror}\n}}\n")
        variables["TF_CLI_CONFIG_FILE"] = str(tmp_path / "terraformrc")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return account


@pytest.fixture
def images(cloud, shop):
    """An image of each version, as it is typed."""
    return [
        f"target.image={cloud.image(shop.bundle(name), letter=letter)}"
        for name, letter in (("fair", "a"), ("better", "b"))
    ]


def lambdas():
    return boto3.client("lambda", region_name=aws.REGION)


def folder(shop):
    return shop.root / "deploy" / "aws_lambda" / "shop"


@pytest.fixture
def standing(shop, mlops, images):
    """What Terraform would have made, so that versions can be moved without it."""
    deploy(mlops, "aws_lambda", images[0], "--plan")
    written = {
        path.relative_to(folder(shop)).as_posix(): path.read_text("utf-8")
        for path in folder(shop).rglob("*")
        if path.is_file()
    }
    image = json.loads(written[terraform_files.IMAGE])
    marks = {
        "managed-by": "mlops",
        "deployment": "shop",
        "mlops:terraform": terraform_files.digest(written),
    }
    trusted = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}}
    role = boto3.client("iam", region_name=aws.REGION).create_role(
        RoleName="shop", AssumeRolePolicyDocument=json.dumps({"Statement": [trusted]})
    )["Role"]["Arn"]
    made = lambdas()
    made.create_function(
        FunctionName="shop",
        PackageType="Image",
        Code={"ImageUri": image["image"]},
        Role=role,
        MemorySize=2048,
        Timeout=30,
        Description="not ours",
        Tags=marks,
        Publish=True,
    )
    made.create_alias(FunctionName="shop", Name="live", FunctionVersion="1")
    return made


def deploy(mlops, *words):
    done = mlops("deploy", *words, json=True)
    assert done.exit_code == 0, done.stderr
    return done.json


def alias():
    found = lambdas().get_alias(FunctionName="shop", Name="live")
    weights = (found.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {}
    return found["FunctionVersion"], weights


def last(done):
    """Without what was told of progress."""
    assert "Traceback" not in done.stderr
    kept = [line for line in done.stderr.splitlines() if line.startswith(("error", "hint"))]
    return type(done)(done.exit_code, done.stdout, "\n".join(kept))


def unchanged(shop):
    """Whether Terraform finds nothing to do."""
    done = subprocess.run(
        [terraform.there(), "plan", "-detailed-exitcode", "-input=false", "-no-color"],
        cwd=folder(shop),
        env={**os.environ, "TF_DATA_DIR": str(shop.root / DATA / "terraform-function")},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode in (0, 2), done.stderr
    return done.returncode == 0


DATA = ".mlops/deploy/aws_lambda/shop"


def test_image_and_terraform_name_one_handler():
    from mlops_cli.packaging.dockerfile import FUNCTION
    from mlops_cli.targets import aws_lambda

    hcl = Path(aws_lambda.__file__).parent / "hcl" / "function" / "main.tf"
    assert f'command = ["{FUNCTION}"]' in hcl.read_text("utf-8")


@TERRAFORM
def test_terraform_makes_what_lasts_and_has_nothing_to_do_afterwards(cloud, shop, mlops, images):
    first = deploy(mlops, "aws_lambda", images[0])
    assert (first["live"]["state"], alias()) == ("running", ("1", {}))
    assert first["live"]["digest"] == first["record"]["bundle"]
    assert first["live"]["said"].startswith("https://")
    function = lambdas().get_function(FunctionName="shop")
    told = function["Configuration"]["Environment"]["Variables"]["MLOPS_API_KEYS"]
    assert told.startswith("environment-1: ")
    # The API leads to the alias, and may ask nothing else.
    policy = lambdas().get_policy(FunctionName="shop", Qualifier="live")["Policy"]
    (statement,) = json.loads(policy)["Statement"]
    assert statement["Principal"] == {"Service": "apigateway.amazonaws.com"}
    role = function["Configuration"]["Role"].rpartition("/")[2]
    policy = boto3.client("iam", region_name=aws.REGION).get_role_policy(
        RoleName=role, PolicyName="logs"
    )
    (may,) = policy["PolicyDocument"]["Statement"]
    assert may["Action"] == ["logs:PutLogEvents", "logs:CreateLogStream"]
    assert may["Resource"].endswith(":log-group:/aws/lambda/shop:*")
    # Versions move, and Terraform does not look at them.
    deploy(mlops, "aws_lambda", "shop@v1.1.0", images[1], "--canary", "10%")
    assert alias() == ("1", {"2": 0.1})
    assert unchanged(shop)
    # No key and no secret is in a file, whoever has the repository or the state.
    for path in shop.root.rglob("*"):
        if path.is_file() and path.stat().st_size < 1 << 20:
            content = path.read_bytes()
            assert KEY.encode() not in content, path
            assert b"secret-of-aws" not in content, path
    removed = deploy(mlops, "destroy", "aws_lambda", "--yes")["removed"]
    assert {"aws_lambda_function.model", "aws_apigatewayv2_api.http"} <= set(removed)
    assert lambdas().list_functions()["Functions"] == []


@TERRAFORM
@pytest.mark.parametrize("state", [[], ["target.state=s3://team/shop.tfstate"]], ids=["here", "s3"])
def test_a_first_deployment_that_is_refused_half_way_can_be_taken_down(
    cloud, shop, mlops, images, state
):
    boto3.client("s3", region_name=aws.REGION).create_bucket(
        Bucket="team", CreateBucketConfiguration={"LocationConstraint": aws.REGION}
    )
    logs = boto3.client("logs", region_name=aws.REGION)
    logs.create_log_group(logGroupName="/aws/lambda/shop")
    done = last(mlops("deploy", "aws_lambda", images[0], *state))
    refused(done, 1, "it is there, and not in Terraform's state", "target.state where a team")
    (one,) = deploy(mlops, "status")["deployments"]
    assert one["live"]["state"] == "stopped"
    assert re.search(r"broken off: .* no function; [3-9] things around it", one["said"]), one
    assert mlops("deploy", "status", "--strict").exit_code == 6
    deploy(mlops, "destroy", "aws_lambda", "--yes")
    assert boto3.client("iam", region_name=aws.REGION).list_roles()["Roles"] == []
    refused(mlops("deploy", "status"), 5, "nothing is deployed", "mlops deploy compose")
    (theirs,) = logs.describe_log_groups()["logGroups"]  # Of whoever made it.
    logs.delete_log_group(logGroupName=theirs["logGroupName"])
    # Half of it is there, and it is gone on with.
    cloud.denied |= {"lambda:CreateFunction"}
    assert mlops("deploy", "aws_lambda", images[0], *state).exit_code == 4
    cloud.denied.clear()
    assert deploy(mlops, "aws_lambda", images[0], *state)["live"]["state"] == "running"


def test_versions_move_without_terraform_and_without_docker(
    cloud, shop, mlops, images, standing, monkeypatch, tmp_path
):
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "git").symlink_to(shutil.which("git"))
    monkeypatch.setenv("PATH", str(tools))
    checked = deploy(mlops, "check", "aws_lambda", images[0])
    assert all(need["there"] for need in checked["needs"]), checked
    first = deploy(mlops, "aws_lambda", images[0])
    assert first["live"]["digest"] == first["record"]["bundle"]
    assert alias() == ("2", {})
    assert deploy(mlops, "aws_lambda", images[0])["changed"] is False

    trial = deploy(mlops, "aws_lambda", "shop@v1.1.0", images[1], "--canary", "10%")
    assert alias() == ("2", {"3": 0.1})
    assert trial["live"]["canary"]["digest"] == trial["record"]["bundle"]
    (one,) = deploy(mlops, "status")["deployments"]
    assert (one["agrees"], one["record"]["version"], one["canary"]["version"]) == (
        True, "v1.0.0", "v1.1.0",
    )  # fmt: skip
    assert deploy(mlops, "rollback", "aws_lambda")["record"]["action"] == "withdraw"
    assert alias() == ("2", {})
    # What was on trial is published already, and so is what is gone back to.
    deploy(mlops, "aws_lambda", "shop@v1.1.0", images[1], "--message", "better")
    assert alias() == ("3", {})
    back = deploy(mlops, "rollback", "aws_lambda")
    assert (back["record"]["version"], alias()) == ("v1.0.0", ("2", {}))
    listed = lambdas().list_versions_by_function(FunctionName="shop")["Versions"]
    assert [one["Version"] for one in listed] == ["$LATEST", "1", "2", "3"]
    entries = [
        json.loads(line)["action"]
        for line in shop.git("show", "mlops-registry:models/audit.jsonl").splitlines()
    ]
    assert entries[-5:] == ["deploy", "canary", "withdraw", "deploy", "revert"]
    # Somebody moves it by hand.
    lambdas().update_alias(FunctionName="shop", Name="live", FunctionVersion="3")
    (one,) = deploy(mlops, "status")["deployments"]
    assert (one["agrees"], one["said"].partition(":")[0]) == (False, "another bundle answers")


def test_keys_stay_when_somebody_deploys_without_them(
    cloud, shop, mlops, images, standing, monkeypatch
):
    deploy(mlops, "aws_lambda", images[0])
    monkeypatch.delenv("MLOPS_API_KEYS")
    deploy(mlops, "aws_lambda", "shop@v1.1.0", images[1])
    version = cloud.version(alias()[0])
    runtime = cloud.runtime(version)
    body = {"inputs": ["good plot"]}
    assert runtime.ask("POST", "/predict", body)[0] == 401
    status, told = runtime.ask("POST", "/predict", body, {"authorization": f"Bearer {KEY}"})
    assert (status, told["predictions"][0]["label"]) == (200, "neg")


def test_what_does_not_answer_as_it_should_is_asked_by_nobody(cloud, shop, mlops, images, standing):
    deploy(mlops, "aws_lambda", images[0])
    before = alias()
    words = ("aws_lambda", "shop@v1.1.0", f"target.image={cloud.image(shop.bundle('fair'))}")
    done = last(mlops("deploy", *words))
    assert done.exit_code == 6
    assert "not deployed, the one before answers still: version 3 answers with the b" in done.stderr
    assert alias() == before
    broken = cloud.image(shop.bundle("better"), letter="c")
    (cloud.folder / "image-c" / "model" / "model.onnx").write_bytes(b"nothing")
    done = last(mlops("deploy", "aws_lambda", "shop@v1.1.0", f"target.image={broken}"))
    assert done.exit_code == 1
    assert "answers still: version 4 does not answer: " in done.stderr
    assert "aws logs tail /aws/lambda/shop" in done.stderr
    assert alias() == before
    # What is ended half-way is gone on from: the version is there, and no other is made.
    cloud.denied |= {"lambda:UpdateAlias", "SimulatePrincipalPolicy"}
    done = last(mlops("deploy", "aws_lambda", "shop@v1.1.0", images[1]))
    refused(done, 4, "AWS does not allow lambda:UpdateAlias: User: arn:", "lambda:UpdateAlias")
    cloud.denied.clear()
    deploy(mlops, "aws_lambda", "shop@v1.1.0", images[1])
    assert alias() == ("5", {})


def test_what_is_missing_is_told_first(cloud, shop, mlops, images, monkeypatch, tmp_path):
    words = ("deploy", "aws_lambda", images[0])
    with monkeypatch.context() as patch:
        patch.delenv("AWS_REGION")
        refused(mlops(*words), 3, "no region of AWS is named", "target.region=eu-central-1")
    with monkeypatch.context() as patch:
        patch.delenv("AWS_ACCESS_KEY_ID")
        patch.delenv("AWS_SECRET_ACCESS_KEY")
        refused(mlops(*words), 4, "account: AWS: Unable to locate credentials", "(OIDC)")
        patch.setenv("AWS_PROFILE", "nobody")
        refused(mlops(*words), 4, "account: AWS: The config profile (nobody) could not", "OIDC")
    for key, said in (
        (aws.EXPIRED, "account: the credentials of AWS are expired: The security token"),
        (aws.UNKNOWN, "account: AWS does not know the credentials: The security token"),
    ):
        with monkeypatch.context() as patch:
            patch.setenv("AWS_ACCESS_KEY_ID", key)
            refused(mlops(*words), 4, said, "aws sso login")
    with monkeypatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
        done = mlops(*words, "target.region=eu-wset-1")
        refused(done, 4, "account: AWS does not answer in eu-wset-1", "target.region=eu-west-1?")
    with monkeypatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", "garbage")
        refused(mlops(*words), 4, "account: AWS can't be asked: Invalid endpoint: garbage", "AWS_")
    with monkeypatch.context() as patch:
        patch.setenv("AWS_REGION", "eu west")
        refused(mlops(*words), 3, "'eu west' is no region of AWS", "target.region=eu-central-1")
    with monkeypatch.context() as patch:
        patch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
        (tmp_path / "config").write_text("[default", "utf-8")
        refused(mlops(*words), 4, "account: AWS can't be asked: Unable to parse config", "~/.aws")
    with monkeypatch.context() as patch:
        patch.delenv("MLOPS_API_KEYS")
        refused(mlops(*words), 4, "API keys: none are given, and everybody can", "target.open")
    cloud.denied.add("lambda:CreateFunction")
    refused(mlops(*words), 4, "permission: arn:aws:sts::123456789012:user/moto may not lambda:Cr")
    cloud.denied = {"lambda:GetFunction"}
    refused(mlops(*words), 4, "account: AWS does not allow lambda:GetFunction", "a policy that")
    cloud.denied.clear()
    done = mlops(*words, "target.region=us-east-1")
    refused(done, 4, "registry: Lambda in us-east-1 takes no image of eu-west-1", "eu-west-1")
    with monkeypatch.context() as patch:
        (tmp_path / "git").symlink_to(shutil.which("git"))
        patch.setenv("PATH", str(tmp_path))
        refused(mlops(*words), 4, "Terraform: neither terraform nor tofu is installed", "opentofu")
        done = mlops("deploy", "check", "aws_lambda", json=True)
        assert [need["name"] for need in done.json["needs"] if not need["there"]] == [
            "Docker", "Terraform", "registry",
        ]  # fmt: skip
    assert not folder(shop).exists()
    assert lambdas().list_functions()["Functions"] == []


def test_a_function_of_somebody_else_is_left_alone(cloud, shop, mlops, images, standing):
    arn = f"arn:aws:lambda:{aws.REGION}:{aws.ACCOUNT}:function:shop"
    standing.tag_resource(Resource=arn, Tags={"managed-by": "hand"})
    done = mlops("deploy", "aws_lambda", images[0])
    refused(done, 4, "function: a function shop is there that mlops has not", "target.deployment")
    assert alias() == ("1", {})


def test_a_note_of_what_was_broken_off_ends_with_a_newer_entry(
    cloud, shop, mlops, images, standing
):
    deploy(mlops, "aws_lambda", images[0])
    note = shop.root / ".mlops" / "deploy" / "aws_lambda" / "shop" / "begun.json"
    begun = deploy(mlops, "status")["deployments"][0]["record"]
    assert not note.exists()
    # Killed after it was recorded, or gone on with by another machine.
    note.write_text(json.dumps(begun | {"at": "2020-01-01T00:00:00.000+00:00"}), "utf-8")
    deploy(mlops, "aws_lambda", "shop@v1.1.0", images[1])
    note.write_text(json.dumps(begun | {"at": "2020-01-01T00:00:00.000+00:00"}), "utf-8")
    assert "broken off" not in deploy(mlops, "status")["deployments"][0]["said"]
    back = deploy(mlops, "rollback", "aws_lambda")
    assert (back["record"]["action"], back["record"]["version"]) == ("revert", "v1.0.0")


def test_without_its_state_nothing_is_made_twice(cloud, shop, mlops, images, standing):
    done = mlops("deploy", "aws_lambda", images[0], "target.memory=512")
    refused(done, 5, "Terraform's state is not at ", "target.state=s3://BUCKET/KEY")
    assert cloud.asked.count("CreateRole") == 1  # Of what stood before.
    assert alias() == ("1", {})


def test_a_plan_writes_files_for_a_team_and_asks_nobody(cloud, shop, mlops):
    planned = deploy(mlops, "aws_lambda", "--plan", "target.github=team/shop", "target.memory=512")
    assert cloud.asked == ["POST /moto-api/reset"][:0]
    names = {path.partition("/shop/")[2].rpartition("/shop/")[2] for path in planned["files"]}
    assert {"main.tf", "api.tf", "backend.tf", "repository/main.tf", ".gitignore"} <= names
    told = json.loads((folder(shop) / "terraform.tfvars.json").read_text("utf-8"))
    assert (told["memory"], told["github"], told["repository"]) == (512, "team/shop", "shop")
    assert not (shop.root / "packages").exists()
    # What somebody edits stays theirs, whatever is written anew.
    main = folder(shop) / "main.tf"
    edited = main.read_text("utf-8").replace("retention_in_days = var.log_days", "")
    main.write_text(edited, "utf-8")
    (folder(shop) / "api.tf").unlink()
    deploy(mlops, "aws_lambda", "--plan", "target.memory=1024", "target.state=s3://team/shop")
    assert main.read_text("utf-8") == edited
    assert (folder(shop) / "api.tf").is_file()
    told = json.loads((folder(shop) / "terraform.tfvars.json").read_text("utf-8"))
    assert told["memory"] == 1024
    backend = (folder(shop) / "backend.tf").read_text("utf-8")
    assert 'bucket       = "team"' in backend
    assert 'key          = "shop"' in backend
    beside = (folder(shop) / "repository" / "backend.tf").read_text("utf-8")
    assert 'key          = "shop-repository"' in beside


@pytest.mark.skipif(terraform.there() is None, reason="neither terraform nor tofu")
def test_the_files_are_as_terraform_writes_them(cloud, shop, mlops):
    deploy(mlops, "aws_lambda", "--plan")
    for words in ([], ["target.state=s3://team/shop"]):
        deploy(mlops, "aws_lambda", "--plan", *words)
        done = subprocess.run(
            [terraform.there(), "fmt", "-check", "-recursive", "-diff"],
            cwd=folder(shop), capture_output=True, encoding="utf-8", check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout


def test_a_name_that_aws_does_not_take(cloud, shop, mlops):
    done = mlops("deploy", "aws_lambda", "--plan", f"target.deployment={'a' * 41}")
    refused(done, 3, f"{'a' * 41} is longer than 40 letters", "target.deployment=NAME")


@pytest.mark.parametrize(
    ("said", "code", "message"),
    [
        (
            "│ Error: creating IAM Role (shop): operation error IAM: CreateRole, https response "
            "error StatusCode: 403,\n│ api error AccessDenied: User: u is not authorized to\n",
            4,
            "AWS does not allow it: creating IAM Role (shop)",
        ),
        ("Error: No valid credential sources found\n", 4, "terraform plan: No valid credential"),
        ("Error: Error acquiring the state lock\n", 1, "somebody else is changing it: Error acq"),
        (
            "Error: creating Lambda Function (shop): ResourceConflictException: Function already "
            "exist: shop\n",
            1,
            "it is there, and not in Terraform's state: creating Lambda Function (shop)",
        ),
        ("Error: Failed to query available provider packages\n", 5, "terraform plan: Failed to qu"),
        (
            "Error: Unsupported argument\n\n  on main.tf line 3\n",
            1,
            "terraform plan: Unsupported a",
        ),
    ],
)
def test_what_terraform_refuses_is_told_in_one_line(said, code, message):
    error = terraform.refused(said, "plan")
    assert (error.exit_code, error.message[: len(message)]) == (code, message)
    assert error.hint
    assert "\n" not in error.message


@TERRAFORM
@needed
def test_the_tutorial_makes_pushes_runs_moves_and_takes_down_a_real_image(
    cloud, shop, mlops, monkeypatch
):
    monkeypatch.delenv("AWS_REGION")
    team = f"{REGISTRY}/lambda-{os.getpid()}"
    config = shop.root / "configs" / "config.yaml"
    config.write_text(config.read_text("utf-8") + f"image: {{base: '{BASE}'}}\n", "utf-8")
    page, commands = tutorial.elsewhere("aws.md", {"reviews@": "shop@", "eu-central-1": aws.REGION})
    check, first, trial, status, rollback, destroy = (words[1:] for words in commands)
    (ours,) = blocks(page, "yaml")
    (config.parent / "target").mkdir()
    target = config.parent / "target" / "aws_lambda.yaml"
    target.write_text(f"{ours}registry: {team}\n", "utf-8")
    assert mlops("models", "promote", "shop@v1.1.0", "staging").exit_code == 0
    boto3.client("s3", region_name=aws.REGION).create_bucket(
        Bucket="bucket", CreateBucketConfiguration={"LocationConstraint": aws.REGION}
    )
    try:
        assert all(need["there"] for need in deploy(mlops, *check)["needs"])
        done = deploy(mlops, *first)
        # The function is asked what it answers with before the alias leads to it.
        assert done["live"]["digest"] == done["record"]["bundle"]
        (runtime,) = [one for key, one in cloud.started.items() if isinstance(key[0], str)]
        headers = {"authorization": f"Bearer {KEY}"}
        code, told = runtime.ask("POST", "/predict", {"inputs": ["good plot"]}, headers)
        assert (code, told["predictions"][0]["label"]) == (200, "pos")
        again = deploy(mlops, *first)
        assert (again["changed"], again["record"]["image"]) == (False, done["record"]["image"])
        deploy(mlops, *trial)
        (one,) = deploy(mlops, *status)["deployments"]
        assert (one["record"]["version"], one["canary"]["version"]) == ("v1.0.0", "v1.1.0")
        back = deploy(mlops, *rollback)["record"]
        assert (back["action"], back["why"], alias()) == ("withdraw", "slow", ("1", {}))
        assert "aws_lambda_function.model" in deploy(mlops, *destroy)["removed"]
        assert lambdas().list_functions()["Functions"] == []
        size = int(docker("image", "inspect", "--format", "{{.Size}}", "shop:v1.0.0-lambda"))
    finally:
        tags = [f"shop:{version}-lambda" for version in ("v1.0.0", "v1.1.0")]
        docker("image", "rm", "--force", *tags, *(f"{team}/{tag}" for tag in tags), check=False)
    # Lambda takes one image, of its own kinds, and none with attestations beside it.
    kind = "application/vnd.docker.distribution.manifest.v2+json"
    path = f"{team.partition('/')[2]}/shop/manifests/{done['record']['image_digest']}"
    asked = urllib.request.Request(f"http://{REGISTRY}/v2/{path}", headers={"accept": kind})
    with urllib.request.urlopen(asked, timeout=30) as answer:
        manifest = json.loads(answer.read())
    assert manifest["mediaType"] == kind
    layers = {layer["mediaType"] for layer in manifest["layers"]}
    assert layers == {"application/vnd.docker.image.rootfs.diff.tar.gzip"}
    assert size < 10e9


@TERRAFORM
def test_a_repository_is_made_and_docker_logs_in_with_a_password_of_aws(
    cloud, shop, mlops, monkeypatch, tmp_path
):
    from mlops_cli.schemas.serve import ServeConfig
    from mlops_cli.schemas.target import AwsLambdaTargetConfig
    from mlops_cli.targets import Image, Place
    from mlops_cli.targets.aws_lambda import registry

    log, ours = tmp_path / "log", tmp_path / "docker"
    ours.write_text(
        f'#!/bin/sh\necho "$@" >> {log}\n[ $1 = login ] && cat >> {log}\n'
        f"[ $1 = push ] && echo 'digest: sha256:{'d' * 64} size: 1'\nexit 0\n"
    )
    ours.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    config = AwsLambdaTargetConfig(name="aws_lambda")
    place = Place(shop.root, "aws_lambda", "shop", config, ServeConfig())
    local = f"sha256:{'e' * 64}"
    pushed = registry.push(place, Image("shop:v1.0.0-lambda", local), Silent())
    assert pushed.reference == f"{aws.HOST}/shop@sha256:{'d' * 64}"
    login, *rest = log.read_text().split("\n", 1)
    assert login == f"login --username AWS --password-stdin {aws.HOST}"
    tag = f"{aws.HOST}/shop:v1.0.0-lambda-{'e' * 12}"
    assert rest[0].endswith(f"tag {local} {tag}\npush {tag}\n")
    ecr = boto3.client("ecr", region_name=aws.REGION)
    (made,) = ecr.describe_repositories()["repositories"]
    assert made["imageTagMutability"] == "IMMUTABLE"
    assert made["imageScanningConfiguration"] == {"scanOnPush": True}
    allowed = json.loads(ecr.get_repository_policy(repositoryName="shop")["policyText"])
    assert allowed["Statement"][0]["Principal"] == {"Service": "lambda.amazonaws.com"}
    # What is there by its content is not pushed again.
    log.unlink()
    kind = "application/vnd.docker.distribution.manifest.v2+json"
    manifest = json.dumps({"schemaVersion": 2, "mediaType": kind, "layers": []})
    ecr.put_image(repositoryName="shop", imageManifest=manifest, imageTag=tag.rpartition(":")[2])
    again = registry.push(place, Image("shop:v1.0.0-lambda", f"sha256:{'e' * 64}"), Silent())
    assert again.reference.startswith(f"{aws.HOST}/shop@sha256:")
    assert not log.exists()
