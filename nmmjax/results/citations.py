"""What a run is to cite: papers of its model, its constraints, its engine, and the libraries.

Identifiers stand in the texts that the project has anyway: docstrings of models and engines,
`reference` of constraints. Every entry has a DOI: the journal's where a rule gives it (Physical
Review, JHEP), else that of arXiv.
"""

import dataclasses
import importlib.resources
import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

from nmmjax.constraints import library
from nmmjax.results.rundir import Run

_ARXIV = re.compile(
    r"(?:arXiv:\s?|(?<![\d.]))(\d{4}\.\d{4,5})(?!\d)|((?:hep-\w\w|astro-ph|nucl-\w\w)/\d{7})"
)
_DOI = re.compile(r"doi:(10\.\S+?)(?=[;,]?(?:\s|$))")
_JOURNAL = re.compile(
    r"(?P<name>PRL|PRD|EPJC|JHEP|JCAP|PLB|NPB|A&A|PTEP|Science|IJMPA|PPNL) (?P<volume>[\w.]+) "
    r"\((?P<year>\d{4})\) (?P<page>\w+)"
)
_NAMES = {
    "PRL": "Phys. Rev. Lett.",
    "PRD": "Phys. Rev. D",
    "EPJC": "Eur. Phys. J. C",
    "PLB": "Phys. Lett. B",
    "NPB": "Nucl. Phys. B",
    "A&A": r"Astron. \& Astrophys.",
    "IJMPA": "Int. J. Mod. Phys. A",
    "PPNL": "Phys. Part. Nucl. Lett.",
}
_RULES = {  # DOIs that follow from volume, year and page
    "PRL": "10.1103/PhysRevLett.{volume}.{page}",
    "PRD": "10.1103/PhysRevD.{volume}.{page}",
    "JHEP": "10.1007/JHEP{volume}({year}){page}",
}
_LIBRARIES = {
    "nmmjax": "nmmjax", "jax": "jax", "numpy": "numpy", "scipy": "scipy", "h5py": "h5py",
    "matplotlib": "matplotlib", "equinox": "2111.00254",
}  # fmt: skip
_OF_ENGINES = {"emcee_": ("1202.3665",)} | dict.fromkeys(
    ("nuts", "meads", "chees", "mclmc", "smc", "nested"), ("2402.10797",)
)
_DIAGNOSTICS = ("1903.08008", "1507.02646")


@dataclasses.dataclass(frozen=True)
class Citation:
    """One entry: why it is cited, its key and its BibTeX fields."""

    why: str
    key: str
    kind: str
    fields: Mapping[str, str]

    def bibtex(self) -> str:
        """Write the entry as BibTeX."""
        lines = [f"  {name} = {{{value}}}," for name, value in self.fields.items()]
        return "\n".join([f"@{self.kind}{{{self.key},", *lines, "}"])

    def line(self) -> str:
        """Author, title, journal and identifiers on one line."""
        f = self.fields
        where = " ".join(f[k] for k in ("journal", "volume", "pages") if k in f)
        known = f"arXiv:{f['eprint']}" if "eprint" in f else f.get("doi", f.get("url", ""))
        titles = (f.get("title", ""), f.get("note", ""))
        parts = (f.get("author", ""), *titles, where, f.get("year", ""), known)
        return ", ".join(re.sub(r"[{}\\`\"]", "", part) for part in parts if part)


def of(run: Run, texts: Mapping[str, str]) -> tuple[Citation, ...]:
    """Collect the citations of a run, each once.

    texts  what model and engine say of themselves, by "model" and "engine"; none of a plug-in
    """
    found: dict[str, Citation] = {}
    for citation in _all(run, texts):
        found.setdefault(citation.fields.get("eprint", citation.key), citation)
    return tuple(found.values())


def _all(run: Run, texts: Mapping[str, str]) -> Iterator[Citation]:
    physics, engine = run.resolved["physics"], run.resolved["sampling"]["engine"]["name"]
    model = physics["model"]["name"]
    yield from (_paper(f"model {model}", x) for x in identifiers(texts.get("model", "")))
    entries = library.catalogue()
    for name in physics.get("constraints", {}):
        if name in entries:
            yield from _experiment(name, entries[name])
    for identifier in (*_OF_ENGINES.get(engine, ()), *identifiers(texts.get("engine", ""))):
        yield _paper(f"engine {engine}", identifier)
    yield from (_paper("diagnostics", identifier) for identifier in _DIAGNOSTICS)
    for name, key in _LIBRARIES.items():
        version = str(run.attributes.get(f"version_{name}", ""))
        yield _paper(f"{name} {version}".rstrip(), key)


def identifiers(text: str) -> tuple[str, ...]:
    """Find the arXiv identifiers in a text, each once, in order."""
    found = (new or old for new, old in _ARXIV.findall(text))
    return tuple(dict.fromkeys(found))


def _paper(why: str, identifier: str) -> Citation:
    """The entry of an arXiv identifier, or of a library."""
    about = {k: str(x) for k, x in _bibliography().get(identifier, {}).items()}
    key = about.pop("key", re.sub(r"\W", "", f"arXiv{identifier}"))
    if identifiers(identifier):
        about |= _eprint(identifier) | ({"year": about["year"]} if "year" in about else {})
    kind = "article" if "journal" in about else "misc"
    return Citation(why, key, kind, about)


def _experiment(name: str, entry: Mapping[str, Any]) -> Iterator[Citation]:
    """The first paper of a constraint's reference with its journal, the others by identifier."""
    reference, label = str(entry["reference"]), str(entry.get("label", name))
    first, *others = re.split(r";\s", reference)
    known, why = identifiers(first), f"constraint {name}"
    further = [x for part in others for x in identifiers(part)]
    if known or _DOI.search(first) or _JOURNAL.search(first):
        yield Citation(why, name, "article", _fields(label, first, entry))
    elif not further:  # a review, a convention
        about = {"title": f"{{{label}}}", "note": reference, "year": str(entry["year"])}
        yield Citation(why, name, "misc", about)
    for other in (*known[1:], *further):
        paper = _paper(why, other)
        named = paper.fields.keys() & {"title", "author"}
        fields = {**paper.fields} if named else {"note": f"cited for {label}", **paper.fields}
        yield dataclasses.replace(paper, fields=fields)


def _fields(label: str, reference: str, entry: Mapping[str, Any]) -> dict[str, str]:
    author = re.split(r"\s(?=(?:PRL|PRD|EPJC|JHEP|JCAP|PLB|NPB|A&A|PTEP|Science|IJMPA|PPNL)\s|"
                      r"arXiv:|hep-|astro-ph)", reference)[0].rstrip(", ")  # fmt: skip
    found = {"author": f"{{{author}}}"} if author[:1].isupper() else {}
    found |= {"note": label, "year": str(entry["year"])}
    if match := _JOURNAL.search(reference):
        about = match.groupdict()
        found |= {"journal": _NAMES.get(about["name"], about["name"])}
        found |= {"volume": about["volume"], "pages": about["page"], "year": about["year"]}
        if about["name"] in _RULES:
            found["doi"] = _RULES[about["name"]].format(**about)
    if given := _DOI.search(reference):
        found["doi"] = given[1]
    if known := identifiers(reference):
        found = _eprint(known[0]) | found
    return found


def _eprint(identifier: str) -> dict[str, str]:
    digits = identifier.rpartition("/")[2][:2]
    century = "19" if int(digits) > 90 else "20"
    return {
        "eprint": identifier,
        "archivePrefix": "arXiv",
        "doi": f"10.48550/arXiv.{identifier}",
        "year": f"{century}{digits}",
    }


def _bibliography() -> dict[str, dict[str, Any]]:
    path = importlib.resources.files("nmmjax.results") / "bibliography.toml"
    return tomllib.loads(path.read_text(encoding="utf-8"))
