"""What GitHub, PyPI and pre-commit read: well formed, and true of this project."""

import tomllib

import pytest
from conftest import skip_or_fail
from pages import ROOT

HOME = "https://github.com/embedlayer/embedlayer"


@pytest.fixture(scope="module")
def yaml():
    try:
        import yaml
    except ImportError:
        skip_or_fail("yaml", "PyYAML is not installed; pre-commit brings it")
    return yaml


def read(yaml, path: str):
    return yaml.safe_load((ROOT / path).read_text(encoding="utf-8"))


def test_every_url_of_the_project_leads_to_what_is_here():
    urls = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["urls"]
    assert {*urls} == {"Homepage", "Documentation", "Changelog", "Issues"}
    for url in urls.values():
        place = url.removeprefix(HOME).strip("/")
        if place.startswith(("tree/main/", "blob/main/")):
            assert (ROOT / place.split("/", 2)[2]).exists()
        else:
            assert (url.startswith(HOME), place) in [(True, ""), (True, "issues")]


def test_the_citation_is_of_this_version_and_has_what_its_schema_asks_for(yaml):
    cited = read(yaml, "CITATION.cff")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert {"cff-version", "message", "title", "authors"} <= {*cited}  # required, of schema 1.2.0
    assert (cited["cff-version"], cited["type"]) == ("1.2.0", "software")
    for name in ("version", "license"):
        assert cited[name] == project[name]
    assert (cited["title"], cited["repository-code"]) == (project["name"], HOME)
    assert {*cited["keywords"]} <= {*project["keywords"]}
    for work in (cited, *cited["references"]):
        assert {"type", "title", "authors"} <= {*work}
        for author in work["authors"]:
            assert {*author} in ({"name"}, {"family-names", "given-names"})


def test_a_commit_is_checked_as_ci_checks_it_and_nothing_is_fetched(yaml):
    (repository,) = read(yaml, ".pre-commit-config.yaml")["repos"]
    assert repository["repo"] == "local"
    hooks = {hook["entry"].replace(" --force-exclude", ""): hook for hook in repository["hooks"]}
    assert [*hooks] == ["ruff format", "ruff check", "mypy"]
    assert {hook["language"] for hook in hooks.values()} == {"system"}
    lines = (ROOT / "ci" / "test.sh").read_text().splitlines()
    for command in hooks:
        assert any(line == command or line.startswith(f"{command} ") for line in lines)


@pytest.mark.parametrize(("form", "required"), [("bug", 3), ("feature", 1)])
def test_an_issue_form_asks_what_is_needed(yaml, form, required):
    about = read(yaml, f".github/ISSUE_TEMPLATE/{form}.yml")
    assert {"name", "description", "labels", "body"} == {*about}
    fields = about["body"]
    assert len({field["id"] for field in fields}) == len(fields)
    assert "embedlayer doctor --json" in {field["attributes"]["label"] for field in fields}
    assert sum(one.get("validations", {}).get("required", False) for one in fields) == required


def test_other_questions_are_sent_to_the_map_of_the_readme(yaml):
    (link,) = read(yaml, ".github/ISSUE_TEMPLATE/config.yml")["contact_links"]
    assert link["url"] == f"{HOME}#where-is-what"
    assert "\n## Where is what\n" in (ROOT / "README.md").read_text(encoding="utf-8")
