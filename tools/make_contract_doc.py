# SPDX-License-Identifier: Apache-2.0
"""Write the tables and the example of docs/contract.md from the code that reads the files.

A test fails while the page and the code differ:

    python -m tools.make_contract_doc
"""

import json
import re
import tempfile
from pathlib import Path
from typing import Any

from vla_contract.deployment import DeploymentFile, load_deployment
from vla_contract.document import Document
from vla_contract.errors import ContractError, ContractErrors
from vla_contract.execution import (
    Asynchronous,
    DualRate,
    PrefixConditioning,
    RealTimeChunking,
    Synchronous,
    TemporalEnsembling,
)
from vla_contract.gripper import Gripper, GripperModel
from vla_contract.other_arm import OtherArm
from vla_contract.policy import (
    ActionLayout,
    GripperConvention,
    ImageInput,
    Policy,
    StateLayout,
)
from vla_contract.robot import (
    ArmController,
    Box,
    Camera,
    Joint,
    LinkSpeed,
    Margins,
    Robot,
    Timing,
    Workspace,
)
from vla_contract.scene import Collision, Cylinder, DepthCamera, Mesh, Scene, SceneObject
from vla_contract.separation import Separation

ROOT = Path(__file__).parent.parent
PAGE = ROOT / 'docs' / 'contract.md'
DOCUMENTS: dict[str, tuple[type[Document], ...]] = {
    'robot': (
        Robot,
        Joint,
        ArmController,
        Gripper,
        GripperModel,
        Camera,
        Workspace,
        Box,
        LinkSpeed,
        Margins,
        Collision,
        Scene,
        SceneObject,
        Cylinder,
        Mesh,
        DepthCamera,
        OtherArm,
        Separation,
        Timing,
    ),
    'policy': (
        Policy,
        ImageInput,
        StateLayout,
        ActionLayout,
        GripperConvention,
        Synchronous,
        Asynchronous,
        TemporalEnsembling,
        RealTimeChunking,
        PrefixConditioning,
        DualRate,
    ),
    'deployment': (DeploymentFile,),
}
MISTAKES = """\
robot: robots/ur5e.yaml
policy: policies/hold.yaml
robot_overrides:
  joints:
    elbow_joint: {velocity: 6.0, position: [-2.0, 200.0]}
  cameras:
    wirst: {rate_hz: 15}
  gripper: {sped: 0.1}
policy_overrides:
  rate_hz: ten
"""
"""A deployment with mistakes a person makes, to show what is said about them."""


def main() -> None:
    """Rewrite the page in place."""
    PAGE.write_text(rewritten(PAGE.read_text(encoding='utf-8')), encoding='utf-8')


def rewritten(page: str) -> str:
    """The page with everything between markers made anew."""
    parts = {name: tables(models) for name, models in DOCUMENTS.items()}
    parts['mistakes'] = f'```yaml\n{MISTAKES}```\n\n```text\n{said_about(MISTAKES)}\n```\n'
    for name, text in parts.items():
        page = filled(page, name, text)
    return page


def filled(page: str, name: str, text: str) -> str:
    """A page with a text between the markers of that name."""
    start, end = f'<!-- made: {name} -->', f'<!-- end: {name} -->'
    before, opened, rest = page.partition(start)
    _, closed, after = rest.partition(end)
    if not opened or not closed:
        raise SystemExit(f'{start} and {end} must both stand in the page')
    return f'{before}{start}\n\n{text}\n{end}{after}'


def tables(models: tuple[type[Document], ...]) -> str:
    """One table a document, with its keys in order."""
    return '\n'.join(_table(model) for model in models)


def said_about(deployment: str) -> str:
    """The errors of a deployment, as if it stood under config/."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / 'lab.yaml'
        text = re.sub(r'(robots|policies)/', rf'{ROOT}/config/\1/', deployment)
        path.write_text(text, encoding='utf-8')
        try:
            load_deployment(path)
        except (ContractError, ContractErrors) as error:
            return str(error).replace(str(path), 'config/lab.yaml').replace(f'{ROOT}/', '')
    return ''


def _table(model: type[Document]) -> str:
    schema = model.model_json_schema()
    meanings = model.meanings()
    rows = [
        f'| `{key}` | {_type(field, schema.get("$defs", {}))} '
        f'| {_default(key, field, schema)} | {_cell(meanings[key])} |'
        for key, field in schema['properties'].items()
    ]
    summary = (model.__doc__ or '').splitlines()[0]
    head = '| Key | Value | Default | Meaning |\n|---|---|---|---|'
    return '\n'.join((f'### {model.__name__}\n', f'{_cell(summary)}\n', head, *rows, ''))


def _type(field: dict[str, Any], defs: dict[str, Any]) -> str:
    """What may stand there, in words."""
    for several in ('anyOf', 'oneOf'):
        if several in field:
            return ' or '.join(_type(option, defs) for option in field[several])
    if 'const' in field:
        return f'`{field["const"]}`'
    if '$ref' in field:
        name = field['$ref'].rpartition('/')[2]
        if 'enum' in defs[name]:
            return _type(defs[name], defs)
        return f'[{name}](#{name.lower()})'
    if 'enum' in field:
        return ', '.join(f'`{value}`' for value in field['enum'])
    if field.get('type') == 'array':
        return _list(field, defs)
    word = _WORDS[field.get('type', 'any')]
    bounds = [f'{sign} {field[key]:g}' for key, sign in _SIGNS.items() if key in field]
    return ' '.join((word, ' and '.join(bounds))).strip()


def _list(field: dict[str, Any], defs: dict[str, Any]) -> str:
    if 'prefixItems' in field:
        count, kind = len(field['prefixItems']), _type(field['prefixItems'][0], defs)
        bounded = kind not in _WORDS.values()
        return f'list of {count}, each a {kind}' if bounded else f'list of {count} {kind}s'
    least = f', at least {field["minItems"]}' if 'minItems' in field else ''
    return f'list of {_type(field["items"], defs)}{least}'


_WORDS = {
    'string': 'text',
    'number': 'number',
    'integer': 'whole number',
    'boolean': '`true`, `false`',
    'null': 'nothing',
    'object': 'mapping',
}

_MOST_SHOWN = 3
"""Keys of a default that are all shown; of more, the one that tells what it is."""
_SIGNS = {'exclusiveMinimum': '>', 'minimum': '≥', 'exclusiveMaximum': '<', 'maximum': '≤'}


def _default(key: str, field: dict[str, Any], schema: dict[str, Any]) -> str:
    if key in schema.get('required', ()):
        return 'required'
    value = field.get('default')
    if value in (None, '', [], {}) or ('$ref' in field and isinstance(value, dict)):
        return '–'
    if isinstance(value, dict) and len(value) > _MOST_SHOWN:
        tag = field['discriminator']['propertyName']
        value = {tag: value[tag]}
    return f'`{json.dumps(value)}`'.replace('"', '')


def _cell(text: str) -> str:
    return text.replace('``', '`').replace('|', '\\|')


if __name__ == '__main__':
    main()
